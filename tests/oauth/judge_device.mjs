// A device without a browser, as the documentation of a library has it. First it prints the codes; when it is told that
// somebody has said yes, it gets its tokens, and prints what it saw.
// Arguments: which library, its file, the issuer, a client id, its secret (empty: none).
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [name, library, issuer, clientId, secret] = process.argv.slice(2)
const judge = await import(pathToFileURL(library))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const say = (told) => console.log(JSON.stringify(told))
const parameters = { scope: 'customers:read openid' }
const call = async (token) =>
  (await fetch(`${issuer}/v1/customers`, { headers: { authorization: `Bearer ${token}` } })).status
const judges = { oauth4webapi, 'openid-client': openidClient }

async function oauth4webapi() {
  const plainHttp = { [judge.allowInsecureRequests]: true } // the library's own switch, and all that is bent
  const found = await judge.discoveryRequest(new URL(issuer), { algorithm: 'oidc', ...plainHttp })
  const server = await judge.processDiscoveryResponse(new URL(issuer), found)
  const client = { client_id: clientId }
  const proof = secret ? judge.ClientSecretBasic(secret) : judge.None()
  const asked = await judge.deviceAuthorizationRequest(server, client, proof, parameters, plainHttp)
  const codes = await judge.processDeviceAuthorizationResponse(server, client, asked)
  const poll = async () => {
    const answer = await judge.deviceCodeGrantRequest(server, client, proof, codes.device_code, plainHttp)
    return await judge.processDeviceCodeResponse(server, client, answer)
  }
  const wrong = () => poll().then(() => 'none', (error) => error.error)
  say(codes)
  const before = [await wrong(), await wrong()]
  await lines.next()
  const tokens = await poll()
  const who = judge.getValidatedIdTokenClaims(tokens).sub
  const again = await judge.refreshTokenGrantRequest(server, client, proof, tokens.refresh_token, plainHttp)
  const next = await judge.processRefreshTokenResponse(server, client, again)
  say({ before, who, scope: tokens.scope, called: await call(next.access_token), after: await wrong() })
}

async function openidClient() {
  const options = { execute: [judge.allowInsecureRequests] }
  const proof = secret ? judge.ClientSecretBasic(secret) : judge.None()
  const config = await judge.discovery(new URL(issuer), clientId, undefined, proof, options)
  const codes = await judge.initiateDeviceAuthorization(config, parameters)
  say(codes)
  await lines.next()
  const tokens = await judge.pollDeviceAuthorizationGrant(config, codes)
  const again = await judge.refreshTokenGrant(config, tokens.refresh_token)
  say({ who: tokens.claims().sub, scope: tokens.scope, called: await call(again.access_token) })
}

await judges[name]()
process.exit(0)
