import { integer, strict, text, type Properties, type Schema } from '../../base/schema.ts'
import { createCipheriv, createHash } from 'node:crypto'
import { CODE, type CodeOptions } from '../../users/codes.ts'
import type { InApp } from '../core.ts'
import { OF_APP, type OfApp, type PhoneNumber, type User } from '../../users/users.ts'

/** The client's data about a user, encrypted under the current session_key. */
export interface EncryptedData {
  readonly encryptedData: string
  readonly iv: string
}

/** Which app the data was encrypted for, and when. */
export interface WatermarkOptions {
  readonly watermark?: {
    /** Default: the world's own; a server must refuse any other. */
    readonly appid?: string
    /** Unix time in seconds; default: now. */
    readonly timestamp?: number
  }
}

/** The profile that a user shows. */
export interface UserInfo {
  readonly nickName: string
  readonly gender: number
  readonly language: string
  readonly city: string
  readonly province: string
  readonly country: string
  readonly avatarUrl: string
}

/** The profile that a user shares. */
export type UserProfileOptions = Partial<UserInfo> & WatermarkOptions & OfApp

const WATERMARK: Properties = { watermark: strict({ appid: text(32), timestamp: integer(0) }) }
const anyText: Schema = { type: 'string', maxLength: 1000 }

export const PROFILE: Schema = strict({
  nickName: anyText,
  gender: integer(0, 2),
  language: anyText,
  city: anyText,
  province: anyText,
  country: anyText,
  avatarUrl: anyText,
  ...OF_APP,
  ...WATERMARK,
})

/** As wx.getUserProfile answers. */
export interface UserProfile extends EncryptedData {
  readonly openid: string
  readonly userInfo: UserInfo
  /** Exactly the bytes that are signed. */
  readonly rawData: string
  readonly signature: string
}

/** The phone number that a user shares, and the code for it. */
export interface PhoneNumberOptions extends CodeOptions, WatermarkOptions, OfApp {
  /** Without the country code; default: drawn for the user. */
  readonly phoneNumber?: string
  /** Default 86. */
  readonly countryCode?: string
}

export const PHONE: Schema = strict({
  phoneNumber: { type: 'string', pattern: '^\\d{5,20}$', description: '5 to 20 digits' },
  countryCode: { type: 'string', pattern: '^[1-9]\\d{0,3}$', description: '1 to 4 digits' },
  ...CODE,
  ...OF_APP,
  ...WATERMARK,
})

/** The event of a button with open-type getPhoneNumber: the code, and the older encrypted data. */
export interface PhoneNumberEvent extends EncryptedData {
  readonly openid: string
  /** For getuserphonenumber. */
  readonly code: string
  readonly expiresAt: Date
  readonly phone: PhoneNumber
}

/** Every user's nickname and avatar since 2022-11-08. */
const ANONYMOUS: UserInfo = {
  nickName: '微信用户',
  gender: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  avatarUrl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/anonymous/132',
}

/** AES-128-CBC: here the session_key is decoded from base64, whereas signatures use its text. */
function encrypt(
  { app: { appid, now, random }, world: { nextReply } }: InApp,
  { sessionKey, openid }: User,
  data: object,
  { watermark }: WatermarkOptions,
): EncryptedData {
  const iv = random.base64(16, 'iv', openid, nextReply())
  const mark = { timestamp: Math.floor(now().getTime() / 1000), appid, ...watermark }
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), Buffer.from(iv, 'base64'))
  return {
    encryptedData:
      cipher.update(JSON.stringify({ ...data, watermark: mark }), 'utf8', 'base64') + cipher.final('base64'),
    iv,
  }
}

/** It contains neither openId nor unionId: only the code of wx.login identifies the user. */
export function userProfile(
  owner: InApp,
  openid: string,
  { watermark, appid: _app, ...given }: UserProfileOptions = {},
): UserProfile {
  const user = owner.app.users.know(openid)
  const userInfo = { ...ANONYMOUS, ...(user.nickName !== undefined && { nickName: user.nickName }), ...given }
  const rawData = JSON.stringify(userInfo)
  const signature = createHash('sha1')
    .update(rawData + user.sessionKey)
    .digest('hex')
  return {
    openid,
    userInfo,
    rawData,
    signature,
    ...encrypt(owner, user, userInfo, { ...(watermark && { watermark }) }),
  }
}

export function phoneNumber(
  owner: InApp,
  openid: string,
  {
    phoneNumber: number = `1358000${owner.app.random.digits(4, 'phone', openid)}`,
    countryCode = '86',
    watermark,
    ...options
  }: PhoneNumberOptions = {},
): PhoneNumberEvent {
  const phone = {
    phoneNumber: countryCode === '86' ? number : `+${countryCode}${number}`,
    purePhoneNumber: number,
    countryCode,
  }
  const { code, expiresAt } = owner.app.users.issuePhoneCode(phone, options)
  return {
    openid,
    code,
    expiresAt,
    phone,
    ...encrypt(owner, owner.app.users.know(openid), phone, { ...(watermark && { watermark }) }),
  }
}
