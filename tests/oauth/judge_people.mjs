// Two libraries, as other people's programs use them, get tokens for a person, refresh and end them.
// Arguments: oauth4webapi or openid-client, its file, the issuer, the client id, its secret or nothing, the redirect URI.
// For each address that a browser is to be led to it writes a line, and reads the address that the browser came back to.
// Its last line is what it saw, as JSON.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [name, library, issuer, client_id, secret, redirect_uri] = process.argv.slice(2)
const lib = await import(pathToFileURL(library))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const api = new URL(`${issuer}/v1/customers`)

async function led(place) {
  console.log(place.href)
  return new URL((await lines.next()).value)
}

async function failed(attempt) {
  try {
    await attempt
    return null
  } catch (error) {
    return { error: error.error, status: error.status, state: error.cause?.get?.('state') }
  }
}

async function oauth4webapi() {
  const plainHttp = { [lib.allowInsecureRequests]: true } // the library's own switch, and all that is bent
  const client = { client_id }
  const proof = secret ? lib.ClientSecretBasic(secret) : lib.None()
  const found = await lib.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...plainHttp })
  const server = await lib.processDiscoveryResponse(new URL(issuer), found)
  const verifier = lib.generateRandomCodeVerifier()
  const code_challenge = await lib.calculatePKCECodeChallenge(verifier)
  return {
    async allowed(scope, more = {}) {
      const state = lib.generateRandomState()
      const asked = new URL(server.authorization_endpoint)
      const pkce = { code_challenge, code_challenge_method: 'S256' }
      for (const [key, value] of Object.entries({ response_type: 'code', client_id, redirect_uri, scope, state, ...pkce, ...more })) {
        asked.searchParams.set(key, value)
      }
      const answer = lib.validateAuthResponse(server, client, await led(asked), state)
      return () => lib.authorizationCodeGrantRequest(server, client, proof, answer, redirect_uri, verifier, plainHttp)
        .then((got) => lib.processAuthorizationCodeResponse(server, client, got))
    },
    own: async () => lib.processClientCredentialsResponse(server, client,
      await lib.clientCredentialsGrantRequest(server, client, proof, { scope: 'cases:read' }, plainHttp)),
    refresh: async (token, scope) => lib.processRefreshTokenResponse(server, client,
      await lib.refreshTokenGrantRequest(server, client, proof, token, { additionalParameters: scope ? { scope } : {}, ...plainHttp })),
    introspect: async (token) => lib.processIntrospectionResponse(server, client,
      await lib.introspectionRequest(server, client, proof, token, plainHttp)),
    revoke: async (token) => lib.processRevocationResponse(await lib.revocationRequest(server, client, proof, token, plainHttp)),
    call: async (token) => (await lib.protectedResourceRequest(token, 'GET', api, undefined, null, plainHttp)).status,
  }
}

async function openidClient() {
  const proof = secret ? lib.ClientSecretPost(secret) : lib.None()
  const options = { algorithm: 'oauth2', execute: [lib.allowInsecureRequests] }
  const config = await lib.discovery(new URL(issuer), client_id, undefined, proof, options)
  const verifier = lib.randomPKCECodeVerifier()
  const code_challenge = await lib.calculatePKCECodeChallenge(verifier)
  return {
    async allowed(scope, more = {}) {
      const state = lib.randomState()
      const asked = { redirect_uri, scope, state, code_challenge, code_challenge_method: 'S256', ...more }
      const back = await led(lib.buildAuthorizationUrl(config, asked))
      const redeem = () => lib.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state })
      if (back.searchParams.has('error')) await redeem()
      return redeem
    },
    own: () => lib.clientCredentialsGrant(config, { scope: 'cases:read' }),
    refresh: (token, scope) => lib.refreshTokenGrant(config, token, scope ? { scope } : {}),
    introspect: (token) => lib.tokenIntrospection(config, token),
    revoke: (token) => lib.tokenRevocation(config, token),
    call: async (token) => (await lib.fetchProtectedResource(config, token, api, 'GET')).status,
  }
}

const program = await (name === 'oauth4webapi' ? oauth4webapi : openidClient)()
const saw = {}
const redeem = await program.allowed('customers:read cases:read')
const first = await redeem()
saw.first = { scope: first.scope, type: first.token_type, expires: first.expires_in, called: await program.call(first.access_token) }
const less = await program.refresh(first.refresh_token, 'cases:read')
saw.less = { scope: less.scope, rotated: less.refresh_token !== first.refresh_token }
const second = await program.refresh(less.refresh_token)
saw.second = { scope: second.scope, called: await program.call(second.access_token) }
if (secret) {
  saw.own = (await program.own()).scope
  saw.told = [await program.introspect(second.access_token), await program.introspect(second.refresh_token)]
}
if (!secret) {
  saw.own = await failed(program.own())
}
await program.revoke(second.refresh_token)
saw.ended = [await failed(program.call(second.access_token)), await failed(program.refresh(second.refresh_token))]
const again = await program.allowed('customers:read') // not asked a second time, unless it is a program on a device
const third = await again()
saw.reused = await failed(again())
saw.afterwards = await failed(program.call(third.access_token))
saw.denied = await failed(program.allowed('customers:read', { prompt: 'consent', ui_locales: 'deny' }))
saw.silent = await failed(program.allowed('customers:write', { prompt: 'none' }))
console.log(JSON.stringify(saw))
process.exit(0)
