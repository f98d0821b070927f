import { billDay, isBillDate } from '../../bills/day.ts'
import { fundFlow } from '../../bills/fund-flow.ts'
import { tradeBill, type BillType } from '../../bills/trade-bill.ts'
import { BusinessFail, protocolFields, ProtocolFail } from './answers.ts'
import { isGzip, matches } from './fields.ts'
import type { PayEndpoint } from './receive.ts'

/** This call's English texts, keyed by the codes of the other calls. */
const TEXT: Readonly<Record<string, string>> = {
  REQUIRE_POST_METHOD: 'require POST method',
  POST_DATA_EMPTY: 'empty post data',
  XML_FORMAT_ERROR: 'data format error',
  NOT_UTF8: 'data format error',
  LACK_PARAMS: 'missing parameter',
  APPID_NOT_EXIST: 'invalid appid',
  APPID_MCHID_NOT_MATCH: 'invalid appid',
  MCHID_NOT_EXIST: 'invalid parameter',
  SIGNERROR: 'SIGN ERROR',
}

/** Client libraries pair texts and numbers this way; only `No Bill Exist` with 20002 is recorded. */
const NUMBER: Readonly<Record<string, string>> = {
  'No Bill Exist': '20002',
  'Bill Creating': '20002',
  'system error': '20003',
  SYSTEMERROR: '20003',
  'CompressGZip Error': '20003',
  'UnCompressGZip Error': '20003',
  当前商户号账单API权限已经关闭: '20007',
}

/** `bill_date参数格式错误` is `invalid bill_date` here. */
function englishOf(message: string): string {
  const [, field] = /^(\w+)参数(?:长度有误|格式错误)$/.exec(message) ?? []
  if (field === undefined) return message
  if (field === 'tar_type') return 'invalid tar_type: Only GZIP supported'
  return ['appid', 'bill_date', 'bill_type'].includes(field) ? `invalid ${field}` : 'invalid parameter'
}

/** This call has no business refusals. */
function refusal(error: ProtocolFail | BusinessFail): [name: string, value: string][] {
  const { errCode = '', message, number } = error as ProtocolFail
  const text = TEXT[errCode] ?? englishOf(message)
  return [
    ['return_code', 'FAIL'],
    ['return_msg', text],
    ['error_code', number ?? NUMBER[text] ?? '20001'],
  ]
}

/** V2 downloadbill (chapter 9_6): the transactions of one day in China, newest first. */
export const downloadbill: PayEndpoint = {
  api: 'downloadbill',
  path: '/pay/downloadbill',
  ofProvider: true,
  fields: [
    { name: 'bill_date', max: 8, required: true, form: isBillDate },
    { name: 'bill_type', max: 15, form: matches(/^(?:ALL|SUCCESS|REFUND|RECHARGE_REFUND)$/) },
    { name: 'tar_type', max: 4, form: isGzip },
  ],
  unsigned: refusal,
  systemError: 'system error',
  handle: ({ world, account, get, subMchId }) => {
    const day = billDay(get('bill_date'), account.now())
    if (day.state === 'future') throw new ProtocolFail('invalid bill_date')
    if (day.state === 'creating') throw new ProtocolFail('Bill Creating')
    const type = (get('bill_type') || 'ALL') as BillType
    const text = tradeBill(account, day, type, world.behaviour.billColumns === 'old', subMchId)
    if (text === undefined) throw new ProtocolFail('No Bill Exist')
    return { text, gzip: get('tar_type') === 'GZIP' }
  },
}

/** V2 downloadfundflow (chapter 9_18): HMAC-SHA256 only. */
export const downloadfundflow: PayEndpoint = {
  api: 'downloadfundflow',
  path: '/pay/downloadfundflow',
  ofProvider: true,
  certificate: true,
  fields: [
    { name: 'sign_type', max: 32, required: true, form: matches(/^HMAC-SHA256$/) },
    { name: 'bill_date', max: 8, required: true, form: isBillDate },
    { name: 'account_type', max: 9, required: true, form: matches(/^(?:Basic|Operation|Fees)$/) },
    { name: 'tar_type', max: 4, form: isGzip },
  ],
  unsigned: (error) =>
    error instanceof BusinessFail
      ? [
          ['return_code', 'SUCCESS'],
          ['result_code', 'FAIL'],
          ['err_code', error.errCode],
          ['err_code_des', error.message],
        ]
      : protocolFields(error),
  handle: ({ account, get }) => {
    const day = billDay(get('bill_date'), account.now())
    // There are no fund flows before June 2017.
    if (day.state === 'future' || get('bill_date') < '20170601') throw new BusinessFail('PARAM_ERROR')
    if (day.state === 'creating') throw new BusinessFail('BILL_CREATING')
    const text = get('account_type') === 'Basic' ? fundFlow(account, day) : undefined
    if (text === undefined) throw new BusinessFail('NO_BILL_EXIST')
    return { text, gzip: get('tar_type') === 'GZIP' }
  },
}
