// `standardwebhooks` and Node's own cryptography verify deliveries; prints what each said, as one line of JSON.
// Argument: the library's file. Standard input: a list of {shown, headers, body}, body in base64.
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { Webhook } = createRequire(import.meta.url)(process.argv[2])
const PREFIX = Buffer.from('302a300506032b6570032100', 'hex') // an ed25519 public key in DER (RFC 8410), without its 32 bytes

function symmetric(secret, headers, body) {
  try {
    return JSON.stringify(new Webhook(secret).verify(body, headers)) === JSON.stringify(JSON.parse(body))
  } catch {
    return false
  }
}

function asymmetric(shown, headers, body) {
  const raw = Buffer.from(shown.slice('whpk_'.length), 'base64')
  const key = createPublicKey({ key: Buffer.concat([PREFIX, raw]), format: 'der', type: 'spki' })
  const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
  return headers['webhook-signature'].split(' ').some((one) => {
    const [version, value] = one.split(',')
    return version === 'v1a' && verify(null, signed, key, Buffer.from(value, 'base64'))
  })
}

const said = JSON.parse(readFileSync(0, 'utf8')).map(({ shown, headers, body }) =>
  (shown.startsWith('whpk_') ? asymmetric : symmetric)(shown, headers, Buffer.from(body, 'base64')))
console.log(JSON.stringify(said))
