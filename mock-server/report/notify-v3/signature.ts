import type { Case } from '../case.ts'
import { DOCS, row } from '../parts/row.ts'
import { accepted, genuineFollows, play, refused, refusedOr, type Make } from '../plays.ts'
import { signed, signedBytes } from './forms.ts'

const VERIFY =
  'Require the four headers, a timestamp within the window and a known serial. Then verify timestamp, nonce and raw body. Allow no exceptions and no defaults.'
const MUST = 'The backend answers 4xx or 5xx to a notification whose signature does not match its bytes.'

const replaced = (name: string, value: string | null): Make => signed({ headers: { [name]: value } })

const SIGNATURES: readonly [id: string, title: string, make: Make, quick?: true][] = [
  ['V-301', 'A wrong signature of the right length', signed({ sign: 'wrong' }), true],
  ['V-302', 'No signature headers at all', signed({ sign: 'none' }), true],
  ['V-303', 'No Wechatpay-Signature', replaced('Wechatpay-Signature', null)],
  ['V-304', "Signed with a stranger's key", signed({ signer: 'stranger' }), true],
  ['V-305', 'An empty signature', replaced('Wechatpay-Signature', '')],
  ['V-313', 'A signature that is not base64', replaced('Wechatpay-Signature', '%%%not base64%%%')],
  ['V-314', 'A signature cut short', replaced('Wechatpay-Signature', 'AAAA')],
  ['V-315', 'No Wechatpay-Timestamp', replaced('Wechatpay-Timestamp', null)],
  ['V-316', 'No Wechatpay-Nonce', replaced('Wechatpay-Nonce', null)],
  ['V-317', 'No Wechatpay-Serial', replaced('Wechatpay-Serial', null)],
  ['V-318', 'A nonce that differs from the signed one', replaced('Wechatpay-Nonce', 'abcdefghijkl')],
  ['V-319', 'A timestamp that is not a number', replaced('Wechatpay-Timestamp', 'now')],
  ['V-320', 'Six minutes old, validly signed', signed({ skewSeconds: -360 }), true],
  ['V-321', 'Six minutes ahead, validly signed', signed({ skewSeconds: 360 })],
  ['V-322', 'A day old, validly signed', signed({ skewSeconds: -86_400 })],
  ['V-323', 'A year old, validly signed', signed({ skewSeconds: -31_536_000 })],
  ['V-324', 'An unknown serial', signed({ serial: `PUB_KEY_ID_${'0'.repeat(34)}` })],
  ['V-325', 'The serial of an old platform certificate', signed({ serial: '0'.repeat(40) })],
  [
    'V-326',
    "The merchant's own serial",
    (bench, no) => signed({ serial: bench.world.credentials.v3.serialNo })(bench, no),
  ],
  ['V-327', "A stranger's key with an unknown serial", signed({ signer: 'stranger', serial: 'PUB_KEY_ID_1' })],
  ['V-328', 'A signature probe, as recorded', signed({ sign: 'probe-live' }), true],
  ['V-329', 'A signature probe, as documented', signed({ sign: 'probe-docs' })],
  ['V-330', 'The signature of another body', signed({ sign: 'keep' })],
  ['V-331', 'A serial with a path in it', replaced('Wechatpay-Serial', '../../etc/passwd')],
]

/** Signed in one form, sent in another: the bytes differ from those that were signed. */
const RESENT: readonly [id: string, title: string, write: (text: string) => string][] = [
  ['V-332', 'Spaces added after signing', (text) => JSON.stringify(JSON.parse(text), null, 1)],
  ['V-333', 'A line feed added after signing', (text) => `${text}\n`],
  [
    'V-334',
    'Members reordered after signing',
    (text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).reverse())),
  ],
  ['V-335', 'A member added after signing', (text) => text.replace('{', '{"zz":1,')],
  ['V-336', 'A member changed after signing', (text) => text.replace('TRANSACTION.SUCCESS', 'TRANSACTION.SUCCESS2')],
]

const resent =
  (write: (text: string) => string): Make =>
  (bench, no) => {
    const shot = bench.message(no)
    return { ...shot, body: write(String(shot.body)) }
  }

export const SIGNATURE_V3: readonly Case[] = [
  ...SIGNATURES.map(([id, title, make, quick]) =>
    row(id, 'money', title, MUST, VERIFY, refused(make), {
      source: /probe/i.test(title) ? DOCS.probesV3 : DOCS.verifyV3,
      ...(quick && { quick }),
    }),
  ),
  ...RESENT.map(([id, title, write]) =>
    row(id, 'money', title, MUST, 'Verify the raw bytes, not JSON that you serialised again.', refused(resent(write)), {
      source: DOCS.verifyV3,
    }),
  ),
  row(
    'V-306',
    'money',
    'An old notification, replayed unchanged',
    'The backend refuses old bytes by their timestamp, or they change nothing.',
    'Check the time window, and make the handler idempotent as well.',
    play(
      ['acks'],
      [
        ['PASS', 'the backend refuses it, or accepts it without a second fulfilment'],
        ['FAIL', 'goods go out again'],
      ],
      async (bench) => {
        const no = await bench.order()
        await bench.pay(no)
        const old = signedBytes(bench, String(bench.message(no).body), { skewSeconds: -7200 })
        await bench.send(old)
        await bench.paidOnce(no, 'an old notification was replayed')
      },
    ),
  ),
  row(
    'V-312',
    'money',
    'The body of one order with the signature of another',
    'The signature for one order cannot vouch for another.',
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
        const { body } = bench.message(dear)
        const shot = bench.message(cheap)
        await refusedOr(bench, await bench.send({ ...shot, body }), dear)
        await genuineFollows(bench, dear)
      },
    ),
    { source: DOCS.verifyV3 },
  ),
  row(
    'V-337',
    'money',
    'A probe, then the real notification',
    'After refusing a probe, the backend accepts the genuine notification with the same id.',
    'Do not store the id of a refused notification.',
    accepted(async (bench, no) => {
      await bench.send(signed({ sign: 'probe-live' })(bench, no))
      return bench.message(no)
    }),
    { source: DOCS.probesV3 },
  ),
]
