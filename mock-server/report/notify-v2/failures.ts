import type { Case, Play } from '../case.ts'
import { DOCS, row } from '../parts/row.ts'
import { choiceOf, fail, genuineFollows, play, refused, refusedOr, type Make } from '../plays.ts'
import { fieldsOf, sealed, signedShot, xmlOf } from './forms.ts'

const BOTH =
  'Treat an order as paid only if the signature is right and both return_code and result_code are SUCCESS, in capitals.'

/** Any well-formed answer will do. Nothing is paid, and the order stays payable. */
const notPaid = (make: Make): Play =>
  play(
    ['acks'],
    [
      ['PASS', 'the backend answers within 5 s, in any way, and fulfils nothing'],
      ['LAX', 'the backend answers HTTP 5xx'],
      ['FAIL', 'goods go out, or the backend does not accept the payment that follows'],
    ],
    async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(await make(bench, no))
      await refusedOr(bench, { ...answer, acked: false }, no)
      if (answer.status === 0) fail(`no answer: ${answer.reason}`)
      if (answer.status >= 500) bench.lax(`HTTP ${answer.status}: a missing field is not a server error`)
      await genuineFollows(bench, no)
    },
  )

export const FAILURES: readonly Case[] = [
  row(
    'N-401',
    'money',
    'return_code FAIL and nothing else',
    'The backend answers a message without fields and treats nothing as paid.',
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
    'Validly signed: result_code FAIL',
    'The backend acknowledges a failed payment and does not treat the order as paid.',
    BOTH,
    notPaid(signedShot({ result_code: 'FAIL', err_code: 'NOTENOUGH', err_code_des: '余额不足' })),
    { quick: true, source: DOCS.notify },
  ),
  row(
    'N-403',
    'money',
    'Validly signed: no result_code',
    'Without SUCCESS, the order is not paid.',
    BOTH,
    refused(signedShot({ result_code: null }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-404',
    'money',
    'Validly signed: no return_code',
    'Without SUCCESS, the order is not paid.',
    BOTH,
    refused(signedShot({ return_code: null }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-405',
    'money',
    'return_code FAIL, everything else as if paid',
    'If return_code is FAIL, nothing else counts.',
    BOTH,
    notPaid(signedShot({ return_code: 'FAIL' })),
    { source: DOCS.notify },
  ),
  row(
    'N-406',
    'money',
    'result_code "FAIL SUCCESS"',
    'SUCCESS must be the whole value, not part of it.',
    BOTH,
    refused(signedShot({ result_code: 'FAIL SUCCESS' }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-407',
    'money',
    'result_code PROCESSING',
    'Only SUCCESS means success.',
    BOTH,
    refused(signedShot({ result_code: 'PROCESSING' }), { taken: 'PASS', held: true }),
  ),
  row(
    'N-408',
    'hygiene',
    'return_code FAIL with HTML in return_msg',
    'A message from WeChat is plain text.',
    'Escape what you display or log.',
    notPaid((bench) =>
      bench.bytes(
        '<xml><return_code>FAIL</return_code><return_msg><![CDATA[<script>alert(1)</script>]]></return_msg></xml>',
      ),
    ),
    { why: 'The case cannot see what a backend shows its staff, only what it answers.' },
  ),
  row(
    'N-409',
    'money',
    'result_code FAIL without a signature',
    'Without a valid signature, a message can neither pay nor fail an order.',
    'Verify the signature first, then read result_code.',
    notPaid((bench, no) => bench.bytes(xmlOf(fieldsOf(bench, no, { result_code: 'FAIL', err_code: 'ORDERCLOSED' })))),
  ),
  row(
    'N-410',
    'money',
    'An err_code next to SUCCESS',
    'A success should have no err_code. return_code and result_code decide.',
    BOTH,
    play(['acks'], [['INFO', 'accepting and refusing are both sound']], async (bench) => {
      const no = await bench.order()
      await bench.world.pay(no, { deliver: 'hold' })
      const answer = await bench.send(
        bench.bytes(xmlOf(sealed(bench, no, fieldsOf(bench, no, { err_code: 'SYSTEMERROR' })))),
      )
      bench.note(choiceOf(answer))
      await genuineFollows(bench, no)
    }),
    { why: 'The backend must accept the genuine notification that follows, whatever it did with this one.' },
  ),
]
