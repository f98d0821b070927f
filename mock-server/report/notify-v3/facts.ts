import type { Case } from '../case.ts'
import { inOtherLetters, otherNumber, type OtherNumber } from '../common/numbers.ts'
import { DOCS, row } from '../parts/row.ts'
import { genuineFollows, info, play, refused, refusedOr, type Make } from '../plays.ts'
import { envelopeShot, factsShot, plainOf, withResource } from './forms.ts'

const OPEN =
  'Decrypt with the API v3 key, the nonce and the associated_data of the message; refuse what does not decrypt.'
const COMPARE =
  'Compare mchid, appid, out_trade_no, amount.total and amount.currency with the stored order, by type and value; a missing one is a difference.'
const STATE = 'Paid means: event_type TRANSACTION.SUCCESS and trade_state SUCCESS.'

const resource =
  (changes: (bench: Parameters<Make>[0]) => Readonly<Record<string, unknown>>): Make =>
  (bench, no) =>
    envelopeShot((envelope) => withResource(envelope, changes(bench)))(bench, no)

/** Well signed, and not to be decrypted. */
const SEALED: readonly [id: string, title: string, make: Make, quick?: true][] = [
  [
    'V-401',
    'Encrypted with another key',
    (bench, no) => bench.message(no, { key: bench.random.alphanumeric(32, 'key') }),
    true,
  ],
  [
    'V-402',
    'Encrypted with the key of API v2',
    (bench, no) => bench.message(no, { key: bench.world.credentials.apiKey }),
  ],
  ['V-403', 'Another nonce', resource(() => ({ nonce: 'abcdefghijkl' }))],
  ['V-404', 'Another associated_data', resource(() => ({ associated_data: 'refund' }))],
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
  ['V-409', 'Another algorithm', resource(() => ({ algorithm: 'AEAD_SM4_GCM' }))],
  ['V-410', 'No resource', envelopeShot(({ resource: _, ...envelope }) => envelope)],
  ['V-411', 'An empty nonce', resource(() => ({ nonce: '' }))],
  [
    'V-412',
    'The facts in the open',
    (bench, no) =>
      envelopeShot((envelope) => withResource(envelope, { ...plainOf(bench, no), ciphertext: '' }))(bench, no),
  ],
]

const amount = (changes: Readonly<Record<string, unknown>>) => (facts: Record<string, unknown>) => ({
  ...facts,
  amount: { ...(facts.amount as object), ...changes },
})
const fact = (name: string, value: unknown) => (facts: Record<string, unknown>) => ({ ...facts, [name]: value })

/** Well signed and encrypted, and not what the order says. */
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
  ['V-440', 'The facts of a payment under REFUND.SUCCESS', 'REFUND.SUCCESS'],
  ['V-441', 'The facts of a payment under an event nobody knows', 'SOMETHING.NEW'],
  ['V-442', 'The facts of a payment without event_type', undefined],
]

const unknown = (number: OtherNumber): Case['play'] =>
  play(
    ['acks'],
    [
      ['PASS', 'it is refused: WeChat repeats it, and the order may be known by then'],
      ['INFO', 'it is taken: right if it is parked for a person, which cannot be seen from here'],
      ['FAIL', 'another order is taken for paid, or a page with a trace is the answer'],
    ],
    async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(factsShot(fact('out_trade_no', otherNumber(number, no)))(bench, no))
      await refusedOr(bench, { ...answer, acked: false }, no)
      if (answer.status >= 500 && /<html|at .*:\d+|Traceback|SQL/i.test(answer.body)) {
        bench.lax('the number broke the backend')
      }
      await genuineFollows(bench, no)
      if (answer.acked) info('it was taken: right only if it is parked for a person')
    },
  )

const LOOKALIKES: readonly [id: string, title: string, number: OtherNumber][] = [
  ['V-309', 'An order number that nobody knows', (no) => `${no.slice(0, -4)}nope`],
  ['V-311', 'The order number in other letters', inOtherLetters],
  ['V-341', 'The order number and a space', (no) => `${no} `],
  ['V-342', 'The order number as a wildcard', (no) => `${no.slice(0, -2)}%`],
  ['V-343', 'The order number and SQL', (no) => `x' OR out_trade_no='${no}`],
  ['V-345', 'The order number, cut short', (no) => no.slice(0, -1)],
]

export const FACTS_V3: readonly Case[] = [
  ...SEALED.map(([id, title, make, quick]) =>
    row(
      id,
      'money',
      `Well signed: ${title.charAt(0).toLowerCase()}${title.slice(1)}`,
      'What does not decrypt under the API v3 key is refused.',
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
      'The facts are compared with the order: a difference is refused, or recorded with an alarm; it never counts as paid.',
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
      'Only TRANSACTION.SUCCESS is a payment; another event is taken and left, or refused.',
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
      'Only the exact number names an order.',
      'Compare out_trade_no byte for byte; answer 4xx for an unknown one.',
      unknown(number),
    ),
  ),
]
