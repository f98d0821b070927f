import type { Case } from '../case.ts'
import type { Answer, Bench } from '../parts/bench.ts'
import { DOCS, row } from '../parts/row.ts'
import { accepted, fail, info, play } from '../plays.ts'
import { lintReply } from '../../notify/reply-lint.ts'
import { signV2 } from '../../wire/sign-v2.ts'
import { escaped, fieldsOf, keyOf, sealed, signedShot, signTypeOf, xmlOf } from './forms.ts'

const genuine = (bench: Bench, outTradeNo: string) => bench.message(outTradeNo)

/** The answer, down to its bytes. */
function wellFormed(bench: Bench, { body, status }: Answer): void {
  const [doubt] = lintReply({ status, headers: {}, body })
  if (doubt) bench.lax(doubt.finding.message)
  if (Buffer.byteLength(body) > 1024) bench.lax(`the answer has ${Buffer.byteLength(body)} bytes`)
}

const READ_ALL =
  'Sign what was received: every element but sign and empty ones, whatever its name, before mapping it to your own types.'
const REAL_PARSER =
  'Read the message with a real XML parser, with document types switched off; regular expressions know one way to write it.'

/** How much of it is bare, in which order and with what between. */
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
    'A coupon without its type',
    {
      coupon_fee: '100',
      coupon_count: '1',
      coupon_fee_0: '100',
      coupon_id_0: '10000',
      cash_fee: '1150',
      coupon_type_0: null,
    },
    'A payment with a coupon is taken: total_fee is the price, cash_fee is less.',
  ],
  [
    'N-105',
    'Two coupons, and a settlement_total_fee',
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
    'Only total_fee is compared with the order; the other amounts may be less.',
  ],
  [
    'N-106',
    'Fields nobody knows yet',
    { promotion_detail: '{"a":1}', version: '1.0', rate_value: '650000000', zz_future_field: 'yes' },
    'Fields that are added one day are signed too, and change nothing.',
  ],
  ['N-117', 'No fee_type', { fee_type: null }, 'fee_type may be absent: it is CNY then.'],
  ['N-118', 'sign_type is told', { sign_type: 'MD5' }, 'sign_type, where it is there, is part of what is signed.'],
  [
    'N-119',
    'sign_type is not told',
    { sign_type: null },
    'sign_type is absent from most notifications: the algorithm is the one of the order.',
  ],
  ['N-120', 'A follower of the account', { is_subscribe: 'Y' }, 'is_subscribe says nothing about the payment.'],
  ['N-121', 'A bank nobody has heard of', { bank_type: 'NEWBANK_DEBIT' }, 'bank_type is an open list.'],
  ['N-122', 'A device_info', { device_info: 'WEB' }, 'device_info may be there, signed like everything else.'],
  ['N-123', 'No attach', { attach: null }, 'attach may be absent.'],
  ['N-124', 'An attach of 127 bytes', { attach: '茶'.repeat(42) + 'x' }, 'attach may be as long as its limit.'],
  [
    'N-125',
    'A value that looks like markup',
    { attach: '<xml><return_code>FAIL</return_code></xml>' },
    'A value in CDATA is text, whatever it looks like.',
  ],
  ['N-126', 'A value with ]]>', { attach: 'a]]>b' }, 'A value with ]]> is two CDATA sections, and one text.'],
  ['N-127', 'A value with = and &', { attach: 'a=1&b=2' }, 'Values are signed raw: nothing is encoded.'],
  ['N-128', 'The value 0', { attach: '0' }, 'A value of 0 is not empty: it is signed.'],
  ['N-129', 'return_msg OK', { return_msg: 'OK' }, 'return_msg may be there, and is signed.'],
]

/** A valid notification of an order that was just paid. */
export const BASELINE: readonly Case[] = [
  row(
    'N-101',
    'money',
    'A valid notification',
    'A genuine notification is acknowledged within 5 s, and the order is fulfilled once.',
    'Compare key, algorithm and string to sign: wechat-mock doctor says how they differ.',
    accepted(genuine),
    { quick: true, source: DOCS.notify },
  ),
  row(
    'N-102',
    'money',
    'Signed with HMAC-SHA256',
    'A merchant who orders with HMAC-SHA256 takes HMAC-SHA256; another may refuse it.',
    'Take the algorithm from your configuration, not from the message.',
    {
      ...play(
        ['acks'],
        [
          ['PASS', 'the orders are signed with HMAC-SHA256, and it is taken'],
          ['INFO', 'the orders are signed with MD5: to take it (the key is right) or to refuse it are both sound'],
          ['FAIL', 'the orders are signed with HMAC-SHA256, and it is refused'],
        ],
        async (bench) => {
          const no = await bench.order()
          await bench.world.pay(no, { deliver: 'hold' })
          const fields = fieldsOf(bench, no, { sign_type: 'HMAC-SHA256' })
          const { acked, reason } = await bench.send(
            bench.bytes(xmlOf([...fields, ['sign', signV2(fields, keyOf(bench), 'HMAC-SHA256')]])),
          )
          if (signTypeOf(bench, no) === 'MD5') info(acked ? 'it was taken' : `it was refused: ${reason}`)
          if (!acked) fail(`it was refused: ${reason}`)
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
    'The answer is one <xml> with return_code SUCCESS, and nothing before or after it.',
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
    'N-107',
    'money',
    'Empty elements',
    'Elements without a value are not part of what is signed.',
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
    'Chinese, an emoji, references',
    'The signature is over the decoded UTF-8 text: &amp; is & there.',
    'Decode the XML first; hash UTF-8 bytes, not the default charset of the platform.',
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
      `Written otherwise: ${what}`,
      'How the XML is written is free: CDATA or not, spaces between elements, any order.',
      REAL_PARSER,
      accepted(make, lax === undefined ? {} : { lax }),
    ),
  ),
  row(
    'N-130',
    'money',
    'The transaction_id, digit by digit',
    'A transaction_id of 28 digits is a text, not a number.',
    'Keep it as a string: as a number its last digits are lost.',
    accepted(genuine, {
      needs: ['probe'],
      also: async (bench, _answer, no) => {
        await bench.paidOnce(no)
        const told = (await bench.word(no))!
        const { transactionId } = bench.world.order(no)
        if (told.transactionId === undefined) info('the probe does not tell the transaction_id')
        if (told.transactionId !== transactionId) {
          fail(`the backend keeps ${told.transactionId}, not ${transactionId}`)
        }
      },
    }),
  ),
]
