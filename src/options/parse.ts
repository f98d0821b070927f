import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { ClientCert } from '../client/certificate.ts'
import type { PartnerConfig } from '../client/partner.ts'
import { readCertificate } from '../client/pay-v3/platform-keys.ts'
import type { PlatformKey } from '../client/pay-v3/platform-keys.ts'
import { WechatError } from '../errors.ts'
import type { Hooks, LogLevels } from '../hooks.ts'
import type { SignType } from '../protocol/sign-v2.ts'
import type { Signer } from '../protocol/sign-v3.ts'
import { Secret } from '../base/secret.ts'
import { appsConfig, appSecretsOf, faultsOfApps, wrapped } from './apps.ts'
import type { AppConfig, Keys } from './apps.ts'
import type { Store } from '../store/store.ts'
import { mixUps } from './credentials.ts'
import { keysOf } from './keys.ts'
import { whyApart } from './merchant-keys.ts'
import type { Merchant, Partner, WechatPayOptions } from './options.ts'
import { check, DAY, isApps, merchantRules, MINUTE, PARTNER, PARTNER_RULES, RULES, RULES_OF_SEVERAL } from './rules.ts'

const HOSTS = {
  miniProgram: ['https://api.weixin.qq.com', 'https://api2.weixin.qq.com'],
  pay: ['https://api.mch.weixin.qq.com', 'https://api2.mch.weixin.qq.com'],
}

export type MerchantConfig =
  | { version: 'v2'; apiKeys: Keys; signType: SignType; cert: ClientCert | undefined }
  | {
      version: 'v3'
      signer: Signer
      apiV3Keys: Keys
      /** Keys of WeChat Pay. */
      platformKeys: readonly PlatformKey[]
      downloadCertificates: boolean
      certificate: X509Certificate | undefined
      /** The v2 key of the same number, for messages in API v2. */
      v2: { apiKeys: Keys; signType: SignType } | undefined
    }

const LOG_LEVELS = { paid: 'info', refunded: 'info', refused: 'warn', event: 'info' } as const

type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> }

/** The options, checked and complete, secrets wrapped. `any`: beyond the options nothing but the user's own hooks reads a transaction. */
export interface Config<Tx = any> extends Complete<
  Omit<
    WechatPayOptions,
    | keyof Hooks
    | 'store'
    | 'appid'
    | 'appSecret'
    | 'apps'
    | 'orderBody'
    | 'merchant'
    | 'publicUrl'
    | 'baseUrl'
    | 'proxy'
    | 'reconcileAt'
    | 'logLevels'
  >
> {
  store: Store<Tx>
  hooks: Hooks<Tx>
  /** In the order of the options. */
  apps: readonly AppConfig[]
  orderBody: unknown
  mchId: string
  merchant: MerchantConfig
  /** Set for a service provider. */
  partner: PartnerConfig | undefined
  notifyUrl: string
  proxy: Secret | undefined
  reconcileAt: string | undefined
  logLevels: Complete<LogLevels>
  /** Origins by API, the preferred one first. */
  hosts: { miniProgram: readonly string[]; pay: readonly string[] }
}

/**
 * Checks the options and completes them.
 *
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID`, naming every fault at once: the option, the rule and, unless it is secret, the value
 */
export function parseOptions<Tx>(input: WechatPayOptions<Tx>, scopePrefix = ''): Config<Tx> {
  const options = (input ?? {}) as unknown as Record<string, unknown>
  const given = options.merchant
  const merchant = (RULES.merchant.test(given) ? given : {}) as Record<string, unknown>
  const appSecret = appSecretsOf(options)
  const { apiKey, apiV3Key, mchId } = merchant
  const secrets = [...appSecret, ...[apiKey, apiV3Key].flatMap(keysOf)].filter(isSecret)
  const { apps } = options
  const faults = check(options, apps === undefined ? RULES : RULES_OF_SEVERAL, '', secrets)
  if (isApps(apps)) faults.push(...faultsOfApps(apps, secrets))
  if (given === merchant) {
    const own = check(merchant, merchantRules(merchant), 'merchant.', secrets)
    faults.push(...own, ...wholeness(merchant as unknown as Merchant, own.length === 0))
    faults.push(...partnerFaults(merchant, secrets))
    if (options.latePayment === 'refund' && merchant.version !== 'v3' && merchant.cert === undefined) {
      faults.push("`latePayment: 'refund'` needs `merchant.cert`: WeChat accepts no refund without the certificate")
    }
  }
  faults.push(...mixUps({ appSecret, apiKey, apiV3Key, mchId }))
  if ((options.issueToken === undefined) !== (options.authenticate === undefined)) {
    faults.push('`issueToken` and `authenticate` must be given together')
  }
  const { publicUrl, prefix = '/wechat' } = options
  const notifyUrl =
    typeof publicUrl === 'string' && typeof prefix === 'string'
      ? `${publicUrl.replace(/\/$/, '')}${scopePrefix}${prefix}/notify`
      : ''
  if (notifyUrl.length > 256) {
    faults.push('`publicUrl`, the prefix of the scope and `prefix` must give a notify URL of at most 256 characters')
  }
  if (faults.length > 0) {
    throw new WechatError(
      'WECHAT_OPTIONS_INVALID',
      `fastify-wechat-pay cannot be registered:\n${faults.map((fault) => `- ${fault}`).join('\n')}`,
    )
  }

  const { price, onPaid, onRefunded, enqueue, onAnomaly, onEvent, onLogin, issueToken, authenticate } = input
  return {
    hooks: {
      price,
      onPaid,
      ...defined({ onRefunded, enqueue, onAnomaly, onEvent, onLogin, issueToken, authenticate }),
    } as Hooks<Tx>,
    apps: appsConfig(input),
    mchId: input.merchant.mchId,
    merchant: merchantConfig(input.merchant),
    partner: input.merchant.partner,
    notifyUrl,
    prefix: input.prefix ?? '/wechat',
    store: input.store,
    orderBody: input.orderBody,
    documentRoutes: input.documentRoutes ?? true,
    orderTtlMs: input.orderTtlMs ?? 120 * MINUTE,
    tokenTtlMs: input.tokenTtlMs ?? 7 * DAY,
    exposeOpenid: input.exposeOpenid ?? false,
    latePayment: input.latePayment ?? 'hold',
    sweepIntervalMs: input.sweepIntervalMs ?? 5000,
    leaseMs: input.leaseMs ?? MINUTE,
    reconcileAt: input.reconcileAt,
    concurrency: input.concurrency ?? 5,
    timeoutMs: input.timeoutMs ?? 5000,
    proxy: input.proxy === undefined ? undefined : new Secret(input.proxy),
    hosts:
      input.baseUrl === undefined
        ? HOSTS
        : { miniProgram: [new URL(input.baseUrl).origin], pay: [new URL(input.baseUrl).origin] },
    logLevels: { ...LOG_LEVELS, ...defined({ ...input.logLevels }) },
    now: input.now ?? (() => new Date()),
  }
}

function partnerFaults({ partner, mchId }: Record<string, unknown>, secrets: string[]): string[] {
  if (partner === undefined || !PARTNER.test(partner)) return []
  const faults = check(partner as Record<string, unknown>, PARTNER_RULES, 'merchant.partner.', secrets)
  const { subMchIds } = partner as Partial<Partner>
  if (Array.isArray(subMchIds) && subMchIds.includes(mchId)) {
    faults.push("`merchant.partner.subMchIds` contains `merchant.mchId`, the provider's own number, which cannot sell")
  }
  return faults
}

/** Rules across several options of a merchant of API v3. `readable`: each option is valid on its own. */
function wholeness(merchant: Merchant, readable: boolean): string[] {
  if (merchant.version !== 'v3') return []
  const { serialNo, certificate, publicKeyId, publicKey, platformCertificates } = merchant
  const faults: string[] = []
  if (serialNo === undefined && certificate === undefined) {
    faults.push(
      '`merchant.serialNo` or `merchant.certificate` is missing: give one of them, to name the API certificate of `merchant.privateKey`',
    )
  }
  if ((publicKeyId === undefined) !== (publicKey === undefined)) {
    faults.push('`merchant.publicKeyId` and `merchant.publicKey` must be given together')
  }
  if (publicKeyId === undefined && publicKey === undefined && platformCertificates === undefined) {
    faults.push(
      'give `merchant.publicKeyId` and `merchant.publicKey`, or `merchant.platformCertificates`: without a key of WeChat Pay its messages cannot be verified',
    )
  }
  return readable ? [...faults, ...whyApart(merchant)] : faults
}

function merchantConfig(merchant: Merchant): MerchantConfig {
  if (merchant.version === 'v2') {
    const { apiKey, signType = 'HMAC-SHA256', cert } = merchant
    return { version: 'v2', apiKeys: wrapped(apiKey), signType, cert }
  }
  const {
    mchId,
    privateKey,
    serialNo,
    publicKeyId,
    publicKey,
    platformCertificates = [],
    apiKey,
    signType = 'HMAC-SHA256',
  } = merchant
  const certificate = merchant.certificate === undefined ? undefined : new X509Certificate(merchant.certificate)
  return {
    version: 'v3',
    signer: { mchId, serialNo: serialNo ?? certificate!.serialNumber, privateKey: createPrivateKey(privateKey) },
    apiV3Keys: wrapped(merchant.apiV3Key),
    platformKeys: [
      ...(publicKeyId === undefined ? [] : [{ serial: publicKeyId, key: createPublicKey(publicKey!) }]),
      ...(platformCertificates === 'download' ? [] : platformCertificates.map((pem) => readCertificate(pem))),
    ],
    downloadCertificates: platformCertificates === 'download',
    certificate,
    v2: apiKey === undefined ? undefined : { apiKeys: wrapped(apiKey), signType },
  }
}

/** Long enough that finding it in a value is not a coincidence. */
function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 8
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
