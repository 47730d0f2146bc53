// oauth4webapi drives the authorization server as its documentation says, and prints what it saw as one line of JSON.
// Arguments: the library's file, the issuer, the client id, its secret, the resource.
import { pathToFileURL } from 'node:url'

const [library, issuer, client_id, secret, resource] = process.argv.slice(2)
const oauth = await import(pathToFileURL(library))
const plainHttp = { [oauth.allowInsecureRequests]: true } // the library's own switch, and all that is bent
const client = { client_id }
const saw = {}

const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...plainHttp })
const server = await oauth.processDiscoveryResponse(new URL(issuer), found)

async function granted(proof, parameters) {
  const answer = await oauth.clientCredentialsGrantRequest(server, client, proof, parameters, plainHttp)
  return oauth.processClientCredentialsResponse(server, client, answer)
}

async function introspected(proof, token) {
  const answer = await oauth.introspectionRequest(server, client, proof, token, plainHttp)
  return oauth.processIntrospectionResponse(server, client, answer)
}

async function called(token) {
  try {
    return (await oauth.protectedResourceRequest(token, 'GET', new URL(`${issuer}/v1/customers`), undefined, null, plainHttp)).status
  } catch (error) {
    return { status: error.status, challenge: error.cause[0].parameters }
  }
}

async function failed(attempt) {
  try {
    await attempt
    return null
  } catch (error) {
    return { code: error.code, status: error.status, error: error.error, scheme: error.cause?.[0]?.scheme }
  }
}

for (const [name, proof] of Object.entries({ basic: oauth.ClientSecretBasic(secret), post: oauth.ClientSecretPost(secret) })) {
  const token = await granted(proof, { scope: 'customers:read', resource })
  const own = { scope: token.scope, type: token.token_type, expires: token.expires_in }
  own.before = await introspected(proof, token.access_token)
  own.called = await called(token.access_token)
  const answer = await oauth.revocationRequest(server, client, proof, token.access_token, plainHttp)
  own.revoked = (await oauth.processRevocationResponse(answer)) ?? null
  own.after = await introspected(proof, token.access_token)
  own.ended = await called(token.access_token)
  saw[name] = own
}
saw.wrongSecret = await failed(granted(oauth.ClientSecretBasic('wrong'), {}))
saw.wrongScope = await failed(granted(oauth.ClientSecretPost(secret), { scope: 'everything' }))
console.log(JSON.stringify(saw))
