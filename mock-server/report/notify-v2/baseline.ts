import type { Case } from '../case.ts'
import type { Answer, Bench } from '../parts/bench.ts'
import { DOCS, row } from '../parts/row.ts'
import { accepted, choiceOf, fail, info, play } from '../plays.ts'
import { lintReply } from '../../notify/reply-lint.ts'
import { signV2 } from '../../wire/sign-v2.ts'
import { escaped, fieldsOf, keyOf, sealed, signedShot, signTypeOf, xmlOf } from './forms.ts'

const genuine = (bench: Bench, outTradeNo: string) => bench.message(outTradeNo)

/** Checks the answer, down to its bytes. */
function wellFormed(bench: Bench, { body, status }: Answer): void {
  const [doubt] = lintReply({ status, headers: {}, body })
  if (doubt) bench.lax(doubt.finding.message)
  if (Buffer.byteLength(body) > 1024) bench.lax(`the answer has ${Buffer.byteLength(body)} bytes`)
}

const READ_ALL =
  'Sign what you received: every element except sign and empty ones, whatever its name. Map it to your own types afterwards.'
const REAL_PARSER =
  'Use a real XML parser with document types disabled. A regular expression understands only one way of writing the message.'

/** Ways to write the same XML: bare text or CDATA, the order of elements, what stands between them. */
const WRITTEN: readonly [id: string, what: string, make: Parameters<typeof accepted>[0], lax?: string][] = [
  ['N-109', 'every value in CDATA', signedShot()],
  ['N-110', 'no CDATA at all', signedShot({}, { write: escaped })],
  ['N-111', 'pretty-printed', signedShot({}, { between: '\n  ' })],
  ['N-112', 'with an XML declaration', signedShot({}, { before: '<?xml version="1.0" encoding="UTF-8"?>\n' })],
  [
    'N-113',
    'a comment between the elements',
    signedShot({}, { between: '<!-- note -->' }),
    'WeChat sends no comments, and a parser may refuse them',
  ],
  ['N-114', 'CRLF between the elements', signedShot({}, { between: '\r\n' })],
  [
    'N-115',
    'elements in reverse order',
    (bench, no) => bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no)).reverse())),
  ],
  [
    'N-116',
    'a value in two CDATA sections',
    signedShot({}, { write: (value) => `<![CDATA[${value.slice(0, 1)}]]><![CDATA[${value.slice(1)}]]>` }),
    'WeChat splits only values that contain ]]>',
  ],
]

const CONTENT: readonly [id: string, title: string, changes: Record<string, string | null>, must: string][] = [
  [
    'N-104',
    'A coupon without coupon_type',
    {
      coupon_fee: '100',
      coupon_count: '1',
      coupon_fee_0: '100',
      coupon_id_0: '10000',
      cash_fee: '1150',
      coupon_type_0: null,
    },
    'The backend accepts a payment with a coupon: total_fee is the price, and cash_fee is lower.',
  ],
  [
    'N-105',
    'Two coupons and settlement_total_fee',
    {
      coupon_fee: '200',
      coupon_count: '2',
      coupon_fee_1: '150',
      coupon_id_1: '2',
      coupon_type_1: 'NO_CASH',
      coupon_fee_0: '50',
      coupon_id_0: '1',
      coupon_type_0: 'CASH',
      settlement_total_fee: '1100',
      cash_fee: '1050',
    },
    'Compare only total_fee with the order: the other amounts may be lower.',
  ],
  [
    'N-106',
    'Unknown future fields',
    { promotion_detail: '{"a":1}', version: '1.0', rate_value: '650000000', zz_future_field: 'yes' },
    'Fields that WeChat adds one day are signed too, and change nothing.',
  ],
  ['N-117', 'No fee_type', { fee_type: null }, 'fee_type may be absent; the currency is then CNY.'],
  [
    'N-119',
    'sign_type is absent',
    { sign_type: null },
    'Most notifications have no sign_type: the algorithm is that of the order.',
  ],
  ['N-120', 'A follower of the account', { is_subscribe: 'Y' }, 'is_subscribe says nothing about the payment.'],
  ['N-121', 'An unknown bank', { bank_type: 'NEWBANK_DEBIT' }, 'bank_type is an open list.'],
  ['N-122', 'A device_info', { device_info: 'WEB' }, 'device_info may be present, and is signed like everything else.'],
  ['N-123', 'No attach', { attach: null }, 'attach may be absent.'],
  ['N-124', 'An attach of 127 bytes', { attach: '茶'.repeat(42) + 'x' }, 'attach may be as long as its limit allows.'],
  [
    'N-125',
    'A value that looks like markup',
    { attach: '<xml><return_code>FAIL</return_code></xml>' },
    'A value in CDATA is text, whatever it looks like.',
  ],
  ['N-126', 'A value with ]]>', { attach: 'a]]>b' }, 'A value with ]]> takes two CDATA sections, but is one text.'],
  ['N-127', 'A value with = and &', { attach: 'a=1&b=2' }, 'Values are signed raw, without any encoding.'],
  ['N-128', 'The value 0', { attach: '0' }, 'A value of 0 is not empty, so it is signed.'],
  ['N-129', 'return_msg OK', { return_msg: 'OK' }, 'return_msg may be present, and is signed.'],
]

/** Valid notifications of an order that was just paid. */
export const BASELINE: readonly Case[] = [
  row(
    'N-101',
    'money',
    'A valid notification',
    'The backend acknowledges a genuine notification within 5 s and fulfils the order once.',
    'Compare the key, the algorithm and the string to sign: wechat-mock doctor shows how they differ.',
    accepted(genuine),
    { quick: true, source: DOCS.notify },
  ),
  row(
    'N-102',
    'money',
    'Signed with HMAC-SHA256',
    'A merchant that signs its orders with HMAC-SHA256 accepts HMAC-SHA256. Others may refuse it.',
    'Take the algorithm from your configuration, not from the message.',
    {
      ...play(
        ['acks'],
        [
          ['PASS', 'orders are signed with HMAC-SHA256, and the backend accepts it'],
          ['INFO', 'orders are signed with MD5: accepting it (the key is right) and refusing it are both sound'],
          ['FAIL', 'orders are signed with HMAC-SHA256, and the backend refuses it'],
        ],
        async (bench) => {
          const no = await bench.order()
          await bench.world.pay(no, { deliver: 'hold' })
          const fields = fieldsOf(bench, no, { sign_type: 'HMAC-SHA256' })
          const answer = await bench.send(
            bench.bytes(xmlOf([...fields, ['sign', signV2(fields, keyOf(bench), 'HMAC-SHA256')]])),
          )
          if (signTypeOf(bench, no) === 'MD5') info(choiceOf(answer))
          if (!answer.acked) fail(choiceOf(answer))
        },
      ),
      genuine: true,
    },
    { source: DOCS.sign },
  ),
  row(
    'N-103',
    'availability',
    'The bytes of the acknowledgement',
    'The answer is one <xml> with return_code SUCCESS, with nothing before or after it.',
    'Write <xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml> and end the response there.',
    accepted(genuine, { also: wellFormed }),
    { quick: true, source: DOCS.replies },
  ),
  ...CONTENT.map(([id, title, changes, must]) =>
    row(id, 'money', title, must, READ_ALL, accepted(signedShot(changes)), {
      source: DOCS.notify,
      ...(id === 'N-104' && { quick: true as const }),
    }),
  ),
  row(
    'N-118',
    'money',
    'sign_type is present',
    'If sign_type is present, the signature covers it.',
    READ_ALL,
    accepted((bench, no) => signedShot({ sign_type: signTypeOf(bench, no) })(bench, no)),
    { source: DOCS.notify },
  ),
  row(
    'N-107',
    'money',
    'Empty elements',
    'The signature skips elements without a value.',
    'Leave empty values out of the string to sign.',
    accepted((bench, no) =>
      bench.bytes(
        xmlOf(sealed(bench, no, fieldsOf(bench, no, { attach: null })), {
          after: '',
        }).replace('</xml>', '<attach/><device_info></device_info><err_code><![CDATA[]]></err_code></xml>'),
      ),
    ),
    { source: DOCS.sign },
  ),
  row(
    'N-108',
    'money',
    'Chinese, an emoji and character references',
    'The signature covers the decoded UTF-8 text, where &amp; is &.',
    "Decode the XML first. Hash UTF-8 bytes, not the platform's default charset.",
    accepted(
      signedShot(
        { attach: '龙井 & <茶> 🍵 "é"' },
        {
          write: (value, name) =>
            name === 'attach'
              ? escaped(value).replace('龙', '&#40857;').replace('井', '&#x4E95;').replaceAll('"', '&quot;')
              : escaped(value),
        },
      ),
    ),
    { source: DOCS.sign },
  ),
  ...WRITTEN.map(([id, what, make, lax]) =>
    row(
      id,
      'money',
      `Other formatting: ${what}`,
      'The XML may use CDATA or not, white space between elements, and any order.',
      REAL_PARSER,
      accepted(make, lax === undefined ? {} : { lax }),
    ),
  ),
  row(
    'N-130',
    'money',
    'The transaction_id, digit by digit',
    'A transaction_id has 28 digits: it is text, not a number.',
    'Keep it as a string: a number loses its last digits.',
    accepted(genuine, {
      needs: ['probe'],
      also: async (bench, _answer, no) => {
        await bench.paidOnce(no)
        const told = (await bench.word(no))!
        const { transactionId } = bench.world.order(no)
        if (told.transactionId === undefined) info('the probe does not report transaction_id')
        if (told.transactionId !== transactionId) {
          fail(`the backend stored ${told.transactionId}, not ${transactionId}`)
        }
      },
    }),
  ),
]
