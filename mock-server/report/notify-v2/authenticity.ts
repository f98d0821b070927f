import { hash } from 'node:crypto'
import type { Case } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { inOtherLetters, unknownOrder, type OtherNumber } from '../common/numbers.ts'
import { DOCS, headed, row } from '../parts/row.ts'
import { choiceOf, info, play, refused, refusedOr, skip, type Make } from '../plays.ts'
import { signV2, stringToSign } from '../../wire/sign-v2.ts'
import type { FieldChanges } from '../../wire/tamper.ts'
import {
  cdata,
  editedShot,
  fieldsOf,
  keyOf,
  sealed,
  signedShot,
  signOf,
  signTypeOf,
  withElements,
  xmlOf,
} from './forms.ts'

const VERIFY =
  'Verify the signature before anything else, over every received field, in constant time. Refuse a message without one.'
const COMPARE =
  'After the signature, compare appid, mch_id, out_trade_no, total_fee and fee_type with the stored order. A missing field counts as a difference.'

/** The genuine fields, with this signature or none. */
const withSign =
  (sign: (bench: Bench, no: string) => string | undefined): Make =>
  (bench, no) => {
    const fields = fieldsOf(bench, no)
    const value = sign(bench, no)
    return bench.bytes(xmlOf(value === undefined ? fields : [...fields, ['sign', value]]))
  }

const right = (bench: Bench, no: string) => signOf(bench, no, fieldsOf(bench, no))
const digest = (text: string) => hash('md5', text).toUpperCase()

/** Signatures that are wrong in different ways. */
const SIGNS: readonly [id: string, title: string, make: Make, quick?: true][] = [
  ['N-301', 'A wrong signature of the right length', (bench, no) => bench.message(no, { sign: 'wrong' }), true],
  ['N-302', 'No signature', withSign(() => undefined), true],
  ['N-303', 'An empty signature', withSign(() => '')],
  [
    'N-304',
    "Signed with another merchant's key",
    (bench, no) => bench.message(no, { key: bench.random.alphanumeric(32, 'key') }),
    true,
  ],
  ['N-305', 'A signature of white space', withSign(() => ' '.repeat(32))],
  ['N-313', 'The signature "null"', withSign(() => 'null')],
  ['N-314', 'The signature is one digit short', withSign((bench, no) => right(bench, no).slice(0, -1))],
  ['N-315', 'The signature is one digit too long', withSign((bench, no) => `${right(bench, no)}0`)],
  ['N-316', 'Signed with an empty key', (bench, no) => bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no), '')))],
  ['N-317', 'Hashed without any key', withSign((bench, no) => digest(stringToSign(fieldsOf(bench, no))))],
  [
    'N-318',
    'Signed with the word "undefined"',
    (bench, no) => bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no), 'undefined'))),
  ],
  [
    'N-319',
    'Signed with the mch_id',
    (bench, no) => bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no), bench.world.credentials.mchId))),
  ],
  [
    'N-320',
    'Signed with the AppSecret',
    (bench, no) => bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no), bench.world.credentials.appSecret))),
  ],
  [
    'N-321',
    'sign_type NONE, and no signature',
    (bench, no) => bench.bytes(xmlOf(fieldsOf(bench, no, { sign_type: 'NONE' }))),
  ],
  [
    'N-322',
    'The word SUCCESS as the signature',
    (bench, no) => bench.bytes(xmlOf([...fieldsOf(bench, no), ['sign', 'SUCCESS']])),
  ],
]

/** A genuine message with something changed, under the old signature. */
const TAMPERED: readonly [id: string, title: string, make: Make, quick?: true][] = [
  [
    'N-306',
    'total_fee changed, old signature',
    (bench, no) => bench.message(no, { fields: { total_fee: '1' }, sign: 'keep' }),
    true,
  ],
  [
    'N-323',
    'transaction_id changed, old signature',
    (bench, no) => bench.message(no, { fields: { transaction_id: `4200${'9'.repeat(24)}` }, sign: 'keep' }),
  ],
  ['N-324', 'A field added, old signature', withElements('<coupon_fee>0</coupon_fee>')],
  [
    'N-325',
    'A field removed, old signature',
    (bench, no) => bench.message(no, { fields: { bank_type: null }, sign: 'keep' }),
  ],
  [
    'N-326',
    'A failure turned into a success, old signature',
    (bench, no) => {
      const failed = fieldsOf(bench, no, { result_code: 'FAIL', err_code: 'NOTENOUGH' })
      const sign = signOf(bench, no, failed)
      return bench.bytes(xmlOf([...fieldsOf(bench, no, { err_code: 'NOTENOUGH' }), ['sign', sign]]))
    },
  ],
]

/** Validly signed, but different from the order. */
const WRONG_FACTS: readonly [id: string, title: string, changes: FieldChanges, quick?: true][] = [
  ['N-307', 'total_fee is less than the price', { total_fee: '1' }, true],
  ['N-328', 'total_fee is more than the price', { total_fee: '999999' }],
  ['N-329', 'total_fee is 0', { total_fee: '0' }],
  ['N-330', 'total_fee is negative', { total_fee: '-1250' }],
  ['N-331', 'total_fee begins with the price', { total_fee: '1250.99' }],
  ['N-332', 'total_fee is the price and a letter', { total_fee: '1250x' }],
  ['N-333', 'total_fee is missing', { total_fee: null }],
  ['N-334', 'total_fee is empty', { total_fee: '' }],
  ['N-335', 'Paid in another currency', { fee_type: 'USD' }],
  ['N-310', 'The mch_id of another merchant', { mch_id: '1900009999' }, true],
  ['N-336', 'The appid of another app', { appid: 'wx0000000000000000' }],
  ['N-337', 'No mch_id', { mch_id: null }],
  ['N-338', 'No appid', { appid: null }],
  ['N-339', 'No transaction_id', { transaction_id: null }],
]

/** total_fee is hidden in the value of its neighbour: the string to sign stays the same. */
const swallowed: Make = (bench, no) => {
  const fields = fieldsOf(bench, no).sort()
  const at = fields.findIndex(([name]) => name === 'total_fee')
  const [before, fee] = [fields[at - 1]!, fields[at]!]
  const merged = [
    ...fields.slice(0, at - 1),
    [before[0], `${before[1]}&${fee[0]}=${fee[1]}`] as const,
    ...fields.slice(at + 1),
  ]
  return bench.bytes(xmlOf([...merged, ['sign', signOf(bench, no, fields)]]))
}

/** Other numbers that a careless comparison takes for the order's. */
const LOOKALIKES: readonly [id: string, title: string, number: OtherNumber][] = [
  ['N-311', 'The order number in the other case', inOtherLetters],
  ['N-341', 'The order number with a trailing space', (no) => `${no} `],
  ['N-342', 'The order number with a wildcard', (no) => `${no.slice(0, -2)}%`],
  ['N-343', 'The order number with SQL', (no) => `x' OR out_trade_no='${no}`],
  ['N-344', 'The order number with an invisible character', (no) => `${no}\u200b`],
  ['N-345', 'The order number, one character short', (no) => no.slice(0, -1)],
]

const unknown = (number: OtherNumber) => unknownOrder(number, (other) => signedShot({ out_trade_no: other }))

export const AUTHENTICITY: readonly Case[] = [
  ...[...SIGNS, ...TAMPERED].map(([id, title, make, quick]) =>
    row(
      id,
      'money',
      title,
      'The backend refuses a notification whose signature does not match its fields.',
      VERIFY,
      refused(make),
      {
        source: DOCS.sign,
        ...(quick && { quick }),
      },
    ),
  ),
  row(
    'N-308',
    'money',
    'Two signatures, one wrong and one right',
    'A repeated field makes a message ambiguous. The backend refuses it, or reads it the same way throughout.',
    'Refuse repeated elements.',
    refused(
      editedShot((xml) => xml.replace('<sign>', () => `<sign>${cdata('0'.repeat(32))}</sign><sign>`)),
      { taken: 'LAX' },
    ),
  ),
  row(
    'N-309',
    'money',
    'An unknown order number',
    'The backend refuses it, so that WeChat repeats it. Accepting is right only if the backend keeps it for manual review.',
    'Answer FAIL for an unknown order, which may become known later. Keep the message and raise an alarm.',
    unknown((no) => `${no.slice(0, -4)}nope`),
    { quick: true },
  ),
  ...LOOKALIKES.map(([id, title, number]) =>
    row(
      id,
      'security',
      title,
      'Only the exact number identifies an order.',
      'Compare out_trade_no byte by byte, with a bound parameter and a binary collation.',
      unknown(number),
    ),
  ),
  row(
    'N-312',
    'money',
    'Changed to name another order',
    'A genuine notification for one order cannot pay another.',
    VERIFY,
    play(
      ['acks'],
      [
        ['PASS', 'the backend refuses it, and the expensive order stays unpaid'],
        ['FAIL', 'the backend accepts it'],
      ],
      async (bench) => {
        const [cheap, dear] = [await bench.order(), await bench.order()]
        await bench.pay(cheap)
        await refusedOr(
          bench,
          await bench.send(bench.message(cheap, { fields: { out_trade_no: dear }, sign: 'keep' })),
          dear,
        )
      },
    ),
    { source: DOCS.sign },
  ),
  ...WRONG_FACTS.map(([id, title, changes, quick]) =>
    row(
      id,
      'money',
      headed('Validly signed', title),
      'The backend compares a signed message with the order. It refuses a difference, or records it and raises an alarm. It never treats it as paid.',
      COMPARE,
      refused(signedShot(changes), { taken: 'PASS', held: true }),
      { source: DOCS.notify, ...(quick && { quick }) },
    ),
  ),
  row(
    'N-340',
    'money',
    'Validly signed: total_fee hidden in its neighbour',
    'A required field is missing, though the string to sign is unchanged. The backend refuses the message.',
    'Require total_fee, out_trade_no and transaction_id before you use them. Never skip a check because a field is absent.',
    refused(swallowed, { taken: 'PASS', held: true }),
  ),
  row(
    'N-346',
    'money',
    'The signature in lower case',
    'WeChat writes it in capitals. Ignoring case is harmless.',
    'Nothing to do.',
    play(['acks'], [['INFO', 'accepting and refusing are both sound']], async (bench) => {
      const no = await bench.order()
      await bench.world.pay(no, { deliver: 'hold' })
      const answer = await bench.send(withSign((bench, no) => right(bench, no).toLowerCase())(bench, no) as never)
      info(choiceOf(answer))
    }),
    { why: 'It shows a choice. Neither is wrong.' },
  ),
  row(
    'N-347',
    'security',
    'MD5 for a merchant that uses HMAC-SHA256',
    'The configuration chooses the algorithm, not the sender.',
    'Pin the algorithm. Do not let sign_type choose it.',
    play(
      ['acks'],
      [
        ['PASS', 'the backend refuses it'],
        ['SKIP', 'the orders are signed with MD5 anyway'],
        ['FAIL', 'the backend accepts it'],
      ],
      async (bench) => {
        const no = await bench.order()
        if (signTypeOf(bench, no) === 'MD5') skip('the orders are signed with MD5')
        const fields = fieldsOf(bench, no, { sign_type: 'MD5' })
        const shot = bench.bytes(xmlOf([...fields, ['sign', signV2(fields, keyOf(bench), 'MD5')]]))
        await refusedOr(bench, await bench.send(shot), no)
      },
    ),
  ),
  row(
    'N-348',
    'money',
    "Another user's openid",
    'Somebody else may pay for an order. Some backends accept only the buyer.',
    'Decide whether a friend may pay.',
    play(['acks'], [['INFO', 'accepting and refusing are both sound']], async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(signedShot({ openid: `o${bench.random.urlSafe(27, 'friend')}` })(bench, no))
      info(choiceOf(answer))
    }),
    { why: 'It shows a choice. Neither is wrong.' },
  ),
]
