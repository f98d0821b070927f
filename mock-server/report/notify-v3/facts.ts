import type { Case } from '../case.ts'
import { inOtherLetters, unknownOrder, type OtherNumber } from '../common/numbers.ts'
import { DOCS, headed, row } from '../parts/row.ts'
import { refused, type Make } from '../plays.ts'
import { envelopeShot, factsShot, plainOf, withResource } from './forms.ts'

const OPEN =
  'Decrypt with the API v3 key and with the nonce and associated_data of the message. Refuse a message that does not decrypt.'
const COMPARE =
  'Compare mchid, appid, out_trade_no, amount.total and amount.currency with the stored order, by type and value. A missing field counts as a difference.'
const STATE = 'Treat an order as paid only if event_type is TRANSACTION.SUCCESS and trade_state is SUCCESS.'

const resource =
  (changes: (bench: Parameters<Make>[0]) => Readonly<Record<string, unknown>>): Make =>
  (bench, no) =>
    envelopeShot((envelope) => withResource(envelope, changes(bench)))(bench, no)

/** Validly signed, but impossible to decrypt. */
const SEALED: readonly [id: string, title: string, make: Make, quick?: true][] = [
  [
    'V-401',
    'Encrypted with another key',
    (bench, no) => bench.message(no, { key: bench.random.alphanumeric(32, 'key') }),
    true,
  ],
  ['V-402', 'Encrypted with the API v2 key', (bench, no) => bench.message(no, { key: bench.world.credentials.apiKey })],
  ['V-403', 'A wrong nonce', resource(() => ({ nonce: 'abcdefghijkl' }))],
  ['V-404', 'A wrong associated_data', resource(() => ({ associated_data: 'refund' }))],
  [
    'V-405',
    'A ciphertext cut short',
    envelopeShot((envelope) => withResource(envelope, { ciphertext: envelope.resource.ciphertext!.slice(0, 40) })),
  ],
  ['V-406', 'A ciphertext shorter than its tag', resource(() => ({ ciphertext: 'AAAA' }))],
  ['V-407', 'No ciphertext', resource(() => ({ ciphertext: undefined }))],
  [
    'V-408',
    'A ciphertext with one bit changed',
    envelopeShot((envelope) => {
      const bytes = Buffer.from(envelope.resource.ciphertext!, 'base64')
      bytes[3]! ^= 1
      return withResource(envelope, { ciphertext: bytes.toString('base64') })
    }),
  ],
  ['V-409', 'An unknown algorithm', resource(() => ({ algorithm: 'AEAD_SM4_GCM' }))],
  ['V-410', 'No resource', envelopeShot(({ resource: _, ...envelope }) => envelope)],
  ['V-411', 'An empty nonce', resource(() => ({ nonce: '' }))],
  [
    'V-412',
    'The facts in plain text',
    (bench, no) =>
      envelopeShot((envelope) => withResource(envelope, { ...plainOf(bench, no), ciphertext: '' }))(bench, no),
  ],
]

const amount = (changes: Readonly<Record<string, unknown>>) => (facts: Record<string, unknown>) => ({
  ...facts,
  amount: { ...(facts.amount as object), ...changes },
})
const fact = (name: string, value: unknown) => (facts: Record<string, unknown>) => ({ ...facts, [name]: value })

/** Validly signed and encrypted, but different from the order. */
const WRONG: readonly [id: string, title: string, edit: (facts: Record<string, unknown>) => unknown, quick?: true][] = [
  ['V-420', 'amount.total is less than the price', amount({ total: 1 }), true],
  ['V-421', 'amount.total is more than the price', amount({ total: 999_999 })],
  ['V-422', 'amount.total is 0', amount({ total: 0 })],
  ['V-423', 'amount.total is a fraction more', amount({ total: 1250.5 })],
  ['V-424', 'amount.total is missing', amount({ total: undefined })],
  ['V-425', 'amount is missing', fact('amount', undefined)],
  ['V-426', 'amount.total is null', amount({ total: null })],
  ['V-427', 'amount.total is a list', amount({ total: [1250] })],
  ['V-428', 'Paid in another currency', amount({ currency: 'USD' })],
  ['V-429', 'The mchid of another merchant', fact('mchid', '1900009999'), true],
  ['V-430', 'The appid of another app', fact('appid', 'wx0000000000000000')],
  ['V-431', 'No mchid', fact('mchid', undefined)],
  ['V-432', 'No appid', fact('appid', undefined)],
  ['V-433', 'No transaction_id', fact('transaction_id', undefined)],
  ['V-434', 'trade_state NOTPAY', fact('trade_state', 'NOTPAY'), true],
  ['V-435', 'trade_state CLOSED', fact('trade_state', 'CLOSED')],
  ['V-436', 'No trade_state', fact('trade_state', undefined)],
  ['V-437', 'trade_state "NOT SUCCESS"', fact('trade_state', 'NOT SUCCESS')],
  ['V-438', 'The facts are a list', (facts) => [facts]],
]

const EVENTS: readonly [id: string, title: string, type: string | undefined][] = [
  ['V-440', 'The facts of a payment with event_type REFUND.SUCCESS', 'REFUND.SUCCESS'],
  ['V-441', 'The facts of a payment with an unknown event_type', 'SOMETHING.NEW'],
  ['V-442', 'The facts of a payment without event_type', undefined],
]

const unknown = (number: OtherNumber) => unknownOrder(number, (other) => factsShot(fact('out_trade_no', other)))

const LOOKALIKES: readonly [id: string, title: string, number: OtherNumber][] = [
  ['V-309', 'An unknown order number', (no) => `${no.slice(0, -4)}nope`],
  ['V-311', 'The order number in the other case', inOtherLetters],
  ['V-341', 'The order number with a trailing space', (no) => `${no} `],
  ['V-342', 'The order number with a wildcard', (no) => `${no.slice(0, -2)}%`],
  ['V-343', 'The order number with SQL', (no) => `x' OR out_trade_no='${no}`],
  ['V-345', 'The order number, one character short', (no) => no.slice(0, -1)],
]

export const FACTS_V3: readonly Case[] = [
  ...SEALED.map(([id, title, make, quick]) =>
    row(
      id,
      'money',
      headed('Validly signed', title),
      'The backend refuses a message that the API v3 key does not decrypt.',
      OPEN,
      refused(make),
      { source: DOCS.aeadV3, ...(quick && { quick }) },
    ),
  ),
  ...WRONG.map(([id, title, edit, quick]) =>
    row(
      id,
      'money',
      title,
      'The backend compares the facts with the order. It refuses a difference, or records it and raises an alarm. It never treats it as paid.',
      COMPARE,
      refused(factsShot(edit), { taken: 'PASS', held: true }),
      { source: DOCS.notifyV3, ...(quick && { quick }) },
    ),
  ),
  ...EVENTS.map(([id, title, type]) =>
    row(
      id,
      'money',
      title,
      'Only TRANSACTION.SUCCESS is a payment. The backend ignores or refuses other events.',
      STATE,
      refused(
        envelopeShot((envelope) => ({ ...envelope, event_type: type })),
        { taken: 'PASS' },
      ),
    ),
  ),
  ...LOOKALIKES.map(([id, title, number]) =>
    row(
      id,
      id === 'V-309' ? 'money' : 'security',
      title,
      'Only the exact number identifies an order.',
      'Compare out_trade_no byte by byte. Answer 4xx if the order is unknown.',
      unknown(number),
    ),
  ),
]
