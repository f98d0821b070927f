// The error codes that a fault can make WeChat answer. Texts as recorded on the wire, else from the official tables or by
// meaning.

const OF_PROTOCOL = {
  SYSTEMERROR: '系统错误',
  SIGNERROR: '签名错误',
  REQUIRE_POST_METHOD: '请使用post方法',
  XML_FORMAT_ERROR: 'XML格式错误',
  APPID_NOT_EXIST: 'APPID不存在',
  MCHID_NOT_EXIST: 'MCHID不存在',
}

/**
 * The calls of api.mch.weixin.qq.com by the last segment of their path in V2, each with its err_code → err_code_des (V2
 * tables); empty for a call without business refusals. The calls of V3 have the same names; the last four are of V3 alone.
 */
export const ERR_CODES = {
  unifiedorder: {
    ...OF_PROTOCOL,
    INVALID_REQUEST: '201 商户订单号重复',
    NOAUTH: '商户无此接口权限',
    NOTENOUGH: '余额不足',
    ORDERPAID: '该订单已支付',
    ORDERCLOSED: '订单已关闭',
    OUT_TRADE_NO_USED: '商户订单号重复',
    APPID_MCHID_NOT_MATCH: 'appid和mch_id不匹配',
    LACK_PARAMS: '缺少参数',
    POST_DATA_EMPTY: 'post数据为空',
    NOT_UTF8: '编码格式错误',
  },
  orderquery: { ...OF_PROTOCOL, ORDERNOTEXIST: 'order not exist' },
  closeorder: {
    ...OF_PROTOCOL,
    ORDERPAID: 'order paid',
    ORDERCLOSED: '订单已关闭',
    ORDERNOTEXIST: '订单不存在',
    TRADE_STATE_ERROR: '订单状态错误',
  },
  refund: {
    ...OF_PROTOCOL,
    BIZERR_NEED_RETRY: '退款业务流程错误，需要商户触发重试来解决',
    TRADE_OVERDUE: '订单已经超过退款期限',
    ERROR: '业务错误',
    USER_ACCOUNT_ABNORMAL: '退款请求失败',
    INVALID_REQ_TOO_MUCH: '无效请求过多',
    NOTENOUGH: '基本账户余额不足，请充值后重新发起',
    INVALID_TRANSACTIONID: '无效transaction_id',
    PARAM_ERROR: '参数错误',
    ORDERNOTEXIST: '订单不存在',
    FREQUENCY_LIMITED: '频率限制，超过2个月之前的订单申请退款请降低频率再重试。',
    NOAUTH: '异常IP请求不予受理',
    CERT_ERROR: '证书校验错误',
    REFUND_FEE_MISMATCH: '订单金额或退款金额与之前请求不一致，请核实后再试',
    REFUND_FEE_INVALID: '累计退款金额大于支付金额',
    INVALID_REQUEST: '订单已全额退款',
    ORDER_NOT_READY: '订单处理中，暂时无法退款，请稍后再试',
    TRADE_STATE_ERROR: '订单状态错误',
  },
  refundquery: {
    ...OF_PROTOCOL,
    REFUNDNOTEXIST: 'not exist',
    INVALID_REQUEST: '请求参数符合参数格式，但不符合业务规则',
    INVALID_TRANSACTIONID: '无效transaction_id',
    PARAM_ERROR: '参数错误',
  },
  downloadfundflow: {
    SYSTEMERROR: '系统错误',
    PARAM_ERROR: '参数错误',
    NO_BILL_EXIST: '账单不存在',
    BILL_CREATING: '账单未生成',
  },
  downloadbill: {},
  getsignkey: {},
  report: {},
  abnormalrefund: {},
  billdownload: {},
  certificates: {},
  echo: {},
} as const

const OF_TOKEN = {
  '-1': 'system error',
  40001:
    'invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r',
  40014: 'invalid access_token',
  41001: 'access_token missing',
  42001: 'access_token expired',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit, must slower, retry next minute',
}
const OF_SECRET = {
  '-1': 'system error',
  40002: 'invalid grant_type',
  40013: 'invalid appid',
  40125: 'invalid appsecret',
  40164: 'invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist',
  41002: 'appid missing',
  41004: 'appsecret missing',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit, must slower, retry next minute',
}

const OF_SHIPPING = {
  10060001: '支付单不存在',
  10060012: '系统错误',
  10060014: '参数错误',
  47001: 'data format error',
  48001: 'api unauthorized',
}

/** The calls of api.weixin.qq.com by the last segment of their path, each with its errcode → errmsg (without the rid). */
export const ERRCODES = {
  jscode2session: {
    ...OF_SECRET,
    40029: 'invalid code',
    40163: 'code been used',
    40226: 'code blocked',
    41008: 'missing code',
  },
  checksession: { ...OF_TOKEN, 87009: 'invalid signature' },
  resetusersessionkey: {
    ...OF_TOKEN,
    40097: 'invalid args',
    87007: 'session_key is not existd or expired',
    87008: 'invalid sig_method',
    87009: 'invalid signature',
  },
  token: {
    ...OF_SECRET,
    40001: OF_TOKEN[40001],
    40243: 'AppSecret has been frozen',
    50004: 'interface banned',
    50007: 'account frozen',
  },
  stable_token: {
    ...OF_SECRET,
    43002: 'require POST method',
    47001: 'data format error',
    89503: 'this ip needs the confirmation of the administrator',
    89506: 'the administrator has refused this ip twice within 24 hours',
    89507: 'the administrator has refused this ip within the hour',
  },
  getuserphonenumber: {
    ...OF_TOKEN,
    40013: 'invalid appid',
    40029: 'invalid code',
    47001: 'data format error',
    48001: 'api unauthorized',
  },
  /** The text of 89002 is that of other calls. */
  getpaidunionid: { ...OF_TOKEN, 40003: 'invalid openid', 89002: 'open not exists', 89300: 'invalid trade' },
  upload_shipping_info: {
    ...OF_TOKEN,
    ...OF_SHIPPING,
    10060002: '支付单已完成发货，无法继续发货',
    10060003: '支付单已使用重新发货机会',
    10060004: '支付单处于不可发货的状态',
    10060005: '物流类型有误',
    10060006: '非快递发货时不允许分拆发货',
    10060007: '支付单被拒绝',
    10060008: '商品描述字段不能为空',
    10060009: '商品描述字段太长',
    10060019: '系统错误',
    10060020: '物流信息为空或不完整',
    10060023: '发货信息未更新',
    10060024: '物流信息列表太长',
    10060025: '物流公司编码太长',
    10060026: '物流单号太长',
    10060031: '该笔支付单不属于 openid 所指定的用户',
    268485194: 'order_key 有误',
    268485216: 'upload_time 有误',
    268485224: 'delivery_mode 有误',
    268485226: '物流单号不能为空',
    268485227: '物流公司编码不能为空',
    268485228: '统一发货时物流信息只能有一条',
  },
  get_order: { ...OF_TOKEN, ...OF_SHIPPING },
  notify_confirm_receive: {
    ...OF_TOKEN,
    ...OF_SHIPPING,
    10060028: '支付单尚未发货',
    10060029: '确认收货时间有误',
    10060030: '支付单已使用提醒收货机会',
    10060032: '仅快递发货可以提醒收货',
  },
} as const

/** A number literal for the key of a table; `'-1'` becomes -1. */
type NumberOf<Key> = Key extends number ? Key : Key extends `${infer N extends number}` ? N : never
export type ErrCode<A extends keyof typeof ERR_CODES> = A extends A ? keyof (typeof ERR_CODES)[A] : never
export type Errcode<A extends keyof typeof ERRCODES> = A extends A ? NumberOf<keyof (typeof ERRCODES)[A]> : never
