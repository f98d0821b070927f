import type { CraftOptions } from '../../world/craft.ts'
import { openAead, sealAead } from '../../wire/aead-v3.ts'
import type { Bench } from '../parts/bench.ts'
import type { Shot } from '../parts/shoot.ts'

type Signing = Pick<CraftOptions, 'sign' | 'signer' | 'serial' | 'skewSeconds' | 'headers'>

export interface Envelope {
  readonly resource: Readonly<Record<string, string>>
  readonly [name: string]: unknown
}

export const keyOf = (bench: Bench) => bench.world.credentials.v3.apiV3Key

/** These bytes, signed like a notification, or wrongly as the options say. */
export const signedBytes = (bench: Bench, body: string | Buffer, signing: Signing = {}): Shot => ({
  ...bench.bytes(body),
  headers: bench.world.noticeHeaders('v3', String(body), signing),
})

/** The genuine notification with other headers. */
export const signed =
  (signing: Signing) =>
  (bench: Bench, no: string): Shot =>
    signedBytes(bench, String(bench.message(no).body), signing)

export const envelopeOf = (bench: Bench, no: string) => JSON.parse(String(bench.message(no).body)) as Envelope

/** The decrypted facts of the genuine notification. */
export function plainOf(bench: Bench, no: string): Record<string, unknown> {
  const { ciphertext, nonce, associated_data: data } = envelopeOf(bench, no).resource
  return JSON.parse(openAead(ciphertext!, keyOf(bench), nonce!, data!)) as Record<string, unknown>
}

/** The envelope with this text inside, encrypted and signed. */
export function sealedShot(bench: Bench, no: string, plain: string, envelope = envelopeOf(bench, no)): Shot {
  const { nonce, associated_data: data } = envelope.resource
  const ciphertext = sealAead(plain, keyOf(bench), nonce!, data!)
  return signedBytes(bench, JSON.stringify({ ...envelope, resource: { ...envelope.resource, ciphertext } }))
}

/** The genuine notification with edited facts, encrypted and signed. */
export const factsShot =
  (edit: (facts: Record<string, unknown>) => unknown) =>
  (bench: Bench, no: string): Shot =>
    sealedShot(bench, no, JSON.stringify(edit(plainOf(bench, no))))

/** The genuine envelope, edited and then signed. */
export const envelopeShot =
  (edit: (envelope: Envelope, bench: Bench) => unknown, write: (value: unknown) => string = JSON.stringify) =>
  (bench: Bench, no: string): Shot =>
    signedBytes(bench, write(edit(envelopeOf(bench, no), bench)))

/** The genuine body, edited as text and then signed. */
export const textShot =
  (edit: (text: string) => string | Buffer) =>
  (bench: Bench, no: string): Shot =>
    signedBytes(bench, edit(String(bench.message(no).body)))

export const withResource = (envelope: Envelope, changes: Readonly<Record<string, unknown>>) => ({
  ...envelope,
  resource: { ...envelope.resource, ...changes },
})
