import type { Case } from '../case.ts'
import { DOCS, headed, row } from '../parts/row.ts'
import { accepted, fail, info, type Make } from '../plays.ts'
import {
  type Envelope,
  envelopeOf,
  envelopeShot,
  factsShot,
  plainOf,
  sealedShot,
  signed,
  textShot,
  withResource,
} from './forms.ts'

const RAW = 'Verify the raw bytes of the body, before any JSON parser touches them.'
const OPEN = 'Read the fields you know and ignore the rest.'

const FACTS: readonly [id: string, title: string, edit: (facts: Record<string, unknown>) => unknown][] = [
  [
    'V-104',
    'A coupon: payer_total is lower',
    (facts) => ({
      ...facts,
      amount: { ...(facts.amount as object), payer_total: 1150 },
      promotion_detail: [{ coupon_id: '1', amount: 100 }],
    }),
  ],
  ['V-105', 'No attach', ({ attach: _, ...facts }) => facts],
  ['V-106', 'Unknown future facts', (facts) => ({ ...facts, zz_future: { a: [1] } })],
  ['V-107', 'A scene_info', (facts) => ({ ...facts, scene_info: { device_id: '013467007045764' } })],
  ['V-108', 'Chinese and an emoji in attach', (facts) => ({ ...facts, attach: '龙井 & <茶> 🍵' })],
  ['V-109', 'An unknown bank', (facts) => ({ ...facts, bank_type: 'NEWBANK_DEBIT' })],
  ['V-110', 'An attach of 127 bytes', (facts) => ({ ...facts, attach: `${'茶'.repeat(42)}x` })],
  [
    'V-111',
    'success_time in another time zone',
    (facts) => ({ ...facts, success_time: new Date(Date.parse(String(facts.success_time))).toISOString() }),
  ],
]

const WRITTEN: readonly [id: string, title: string, make: Make][] = [
  [
    'V-112',
    'Pretty-printed',
    envelopeShot(
      (envelope) => envelope,
      (value) => JSON.stringify(value, null, 2),
    ),
  ],
  [
    'V-113',
    'Escaped as \\u',
    textShot((text) =>
      text.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ),
  ],
  ['V-114', 'With / escaped', textShot((text) => text.replaceAll('/', '\\/'))],
  ['V-115', 'A line feed at the end', textShot((text) => `${text}\n`)],
  ['V-116', 'Unknown future members', envelopeShot((envelope) => ({ ...envelope, zz_future: { a: 1 } }))],
  [
    'V-117',
    'Empty associated_data',
    (bench, no) => {
      const envelope = withResource(envelopeOf(bench, no), { associated_data: '' }) as Envelope
      return sealedShot(bench, no, JSON.stringify(plainOf(bench, no)), envelope)
    },
  ],
]

export const BASELINE_V3: readonly Case[] = [
  row(
    'V-101',
    'money',
    'A valid notification',
    'The backend acknowledges a genuine notification with HTTP 200 or 204 within 5 s and fulfils the order once.',
    'Compare the API v3 key, the public key and its ID: wechat-mock doctor shows what differs.',
    accepted((bench, no) => bench.message(no)),
    { quick: true, source: DOCS.notifyV3 },
  ),
  row(
    'V-103',
    'availability',
    'The acknowledgement',
    'The answer is HTTP 200 or 204. It needs no body, and a body must not say FAIL.',
    'Answer 204, or 200 with {"code":"SUCCESS"}.',
    accepted((bench, no) => bench.message(no), {
      also: (bench, { body }) => {
        if (/"code"\s*:\s*"(?!SUCCESS)/.test(body)) fail('the status acknowledges, but the body says otherwise')
        if (/<xml/.test(body)) bench.lax('the body is the XML of API v2')
      },
    }),
    { quick: true, source: DOCS.notifyV3 },
  ),
  ...FACTS.map(([id, title, edit]) =>
    row(
      id,
      'money',
      title,
      'Compare only amount.total with the order. Fields that WeChat adds one day change nothing.',
      OPEN,
      accepted(factsShot(edit)),
      { source: DOCS.notifyV3 },
    ),
  ),
  ...WRITTEN.map(([id, title, make]) =>
    row(
      id,
      'money',
      headed('Other formatting', title),
      'The signature covers the bytes as received, however the JSON is formatted.',
      RAW,
      accepted(make),
      { source: DOCS.verifyV3 },
    ),
  ),
  row(
    'V-118',
    'money',
    'Four minutes old',
    'A signature less than five minutes old is valid.',
    'Allow 300 s in both directions.',
    accepted(signed({ skewSeconds: -240 })),
    { source: DOCS.verifyV3 },
  ),
  row(
    'V-119',
    'money',
    'Four minutes ahead',
    'Clocks differ: a signature less than five minutes ahead is valid.',
    'Allow 300 s in both directions.',
    accepted(signed({ skewSeconds: 240 })),
    { source: DOCS.verifyV3 },
  ),
  row(
    'V-120',
    'money',
    'Header names in lower case',
    'Header names are case-insensitive.',
    'Look headers up case-insensitively.',
    accepted((bench, no) => {
      const shot = bench.message(no)
      return {
        ...shot,
        headers: Object.fromEntries(Object.entries(shot.headers).map(([name, value]) => [name.toLowerCase(), value])),
      }
    }),
  ),
  row(
    'V-121',
    'money',
    'Without Wechatpay-Signature-Type',
    'The scheme is fixed, so the header may be absent.',
    'Do not require the header.',
    accepted(signed({ headers: { 'Wechatpay-Signature-Type': null } }), { lax: 'WeChat sends it today' }),
  ),
  row(
    'V-130',
    'money',
    'The transaction_id, digit by digit',
    'A transaction_id has 28 digits: it is text, not a number.',
    'Keep it as a string: a number loses its last digits.',
    accepted((bench, no) => bench.message(no), {
      needs: ['probe'],
      also: async (bench, _answer, no) => {
        await bench.paidOnce(no)
        const told = await bench.word(no)
        const { transactionId } = bench.world.order(no)
        if (told?.transactionId === undefined) info('the probe does not report transaction_id')
        if (told!.transactionId !== transactionId) {
          fail(`the backend stored ${told!.transactionId}, not ${transactionId}`)
        }
      },
    }),
  ),
]
