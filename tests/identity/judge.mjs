// oauth4webapi as an application where people sign in, as its documentation says; prints one line of JSON for each step.
// Arguments: the library's file, the issuer, an initial access token, a client with signed tokens, its secret, their
// audience. Between the steps it reads where a browser was led back to.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [library, issuer, initialAccessToken, signing, secret, audience] = process.argv.slice(2)
const oauth = await import(pathToFileURL(library))
const plainHttp = { [oauth.allowInsecureRequests]: true } // the library's own switch, and all that is bent
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const redirect = 'https://app.example.org/signed-in'
const say = (told) => console.log(JSON.stringify(told))

const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oidc', ...plainHttp })
const server = await oauth.processDiscoveryResponse(new URL(issuer), found)

const wish = { client_name: 'A judge', redirect_uris: [redirect], scope: 'customers:read' }
const asked = await oauth.dynamicClientRegistrationRequest(server, wish, { initialAccessToken, ...plainHttp })
const client = await oauth.processDynamicClientRegistrationResponse(asked)
const proof = oauth.ClientSecretBasic(client.client_secret)

const verifier = oauth.generateRandomCodeVerifier()
const nonce = oauth.generateRandomNonce()
const state = oauth.generateRandomState()
const place = new URL(server.authorization_endpoint)
for (const [name, value] of Object.entries({
  client_id: client.client_id, redirect_uri: redirect, response_type: 'code', scope: 'openid profile email customers:read',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, nonce,
})) place.searchParams.set(name, value)
say({ place: place.href })

const back = oauth.validateAuthResponse(server, client, new URL((await lines.next()).value), state)
const answer = await oauth.authorizationCodeGrantRequest(server, client, proof, back, redirect, verifier, plainHttp)
const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
  expectedNonce: nonce, requireIdToken: true, maxAge: 600,
})
await oauth.validateApplicationLevelSignature(server, answer, plainHttp)
const who = oauth.getValidatedIdTokenClaims(tokens)
const info = await oauth.userInfoRequest(server, client, tokens.access_token, plainHttp)
const person = await oauth.processUserInfoResponse(server, client, who.sub, info)
const again = await oauth.refreshTokenGrantRequest(server, client, proof, tokens.refresh_token, plainHttp)
const refreshed = await oauth.processRefreshTokenResponse(server, client, again)

const other = { client_id: signing }
const given = await oauth.clientCredentialsGrantRequest(server, other, oauth.ClientSecretPost(secret), {}, plainHttp)
const { access_token } = await oauth.processClientCredentialsResponse(server, other, given)
const request = new Request(`${issuer}/v1/customers`, { headers: { authorization: `Bearer ${access_token}` } })
const claims = await oauth.validateJwtAccessToken(server, request, audience, plainHttp)
const wrong = await oauth.validateJwtAccessToken(server, request, `${audience}/`, plainHttp).catch((error) => error.code)
say({ who, person, refreshed: oauth.getValidatedIdTokenClaims(refreshed).sub, claims, wrong })
process.exit(0)
