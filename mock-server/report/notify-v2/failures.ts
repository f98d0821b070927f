import type { Case, Play } from '../case.ts'
import { DOCS, row } from '../parts/row.ts'
import { fail, genuineFollows, play, refused, refusedOr, type Make } from '../plays.ts'
import { fieldsOf, sealed, signedShot, xmlOf } from './forms.ts'

const BOTH = 'Paid means: the signature is right, return_code is SUCCESS and result_code is SUCCESS, each in capitals.'

/** Any well-formed answer will do; nothing is paid, and the order stays payable. */
const notPaid = (make: Make): Play =>
  play(
    ['acks'],
    [
      ['PASS', 'any answer within 5 s, and nothing is fulfilled'],
      ['LAX', 'the answer is HTTP 5xx'],
      ['FAIL', 'goods go out, or the payment that follows is not taken'],
    ],
    async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(await make(bench, no))
      await refusedOr(bench, { ...answer, acked: false }, no)
      if (answer.status === 0) fail(`no answer: ${answer.reason}`)
      if (answer.status >= 500) bench.lax(`HTTP ${answer.status}: a missing field is no error of the server`)
      await genuineFollows(bench, no)
    },
  )

export const FAILURES: readonly Case[] = [
  row(
    'N-401',
    'money',
    'return_code FAIL and nothing else',
    'A message without fields is answered and pays nothing.',
    BOTH,
    notPaid((bench) =>
      bench.bytes(
        '<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[签名失败]]></return_msg></xml>',
      ),
    ),
    { source: DOCS.notify },
  ),
  row(
    'N-402',
    'money',
    'result_code FAIL, well signed',
    'A failed payment is acknowledged and not paid.',
    BOTH,
    notPaid(signedShot({ result_code: 'FAIL', err_code: 'NOTENOUGH', err_code_des: '余额不足' })),
    { quick: true, source: DOCS.notify },
  ),
  row(
    'N-403',
    'money',
    'No result_code, well signed',
    'What does not say SUCCESS is not paid.',
    BOTH,
    refused(signedShot({ result_code: null }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-404',
    'money',
    'No return_code, well signed',
    'What does not say SUCCESS is not paid.',
    BOTH,
    refused(signedShot({ return_code: null }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-405',
    'money',
    'return_code FAIL, all else as if paid',
    'return_code FAIL means that nothing else counts.',
    BOTH,
    notPaid(signedShot({ return_code: 'FAIL' })),
    { source: DOCS.notify },
  ),
  row(
    'N-406',
    'money',
    'result_code "FAIL SUCCESS"',
    'SUCCESS is the whole value, not a part of it.',
    BOTH,
    refused(signedShot({ result_code: 'FAIL SUCCESS' }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-407',
    'money',
    'result_code PROCESSING',
    'Only SUCCESS is success.',
    BOTH,
    refused(signedShot({ result_code: 'PROCESSING' }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-408',
    'hygiene',
    'return_code FAIL with a page in return_msg',
    'A text of WeChat is text.',
    'Escape what you show and log.',
    notPaid((bench) =>
      bench.bytes(
        '<xml><return_code>FAIL</return_code><return_msg><![CDATA[<script>alert(1)</script>]]></return_msg></xml>',
      ),
    ),
    { why: 'A text that a backend shows to its staff cannot be seen from here; the answer can.' },
  ),
  row(
    'N-409',
    'money',
    'result_code FAIL without a signature',
    'Who cannot sign can neither pay nor fail an order.',
    'Verify first, then read result_code.',
    notPaid((bench, no) => bench.bytes(xmlOf(fieldsOf(bench, no, { result_code: 'FAIL', err_code: 'ORDERCLOSED' })))),
  ),
  row(
    'N-410',
    'money',
    'An err_code beside SUCCESS',
    'An err_code has to be absent from a success; the codes decide.',
    BOTH,
    play(['acks'], [['INFO', 'both are sound']], async (bench) => {
      const no = await bench.order()
      await bench.world.pay(no, { deliver: 'hold' })
      const { acked } = await bench.send(
        bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no, { err_code: 'SYSTEMERROR' })))),
      )
      bench.note(acked ? 'it was taken' : 'it was refused')
      await genuineFollows(bench, no)
    }),
    { why: 'The genuine one that follows has to be taken in any case.' },
  ),
]
