import { readFileSync } from 'node:fs'
import { isOurs } from './snippet.mjs'

for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const [secret, id, at, signature, body] = line.split('\t')
  const given = { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature }
  const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '-'))
  console.log(isOurs(secret, headers, Buffer.from(body, 'base64')))
}
