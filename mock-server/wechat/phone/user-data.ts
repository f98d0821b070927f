import { createCipheriv, createHash } from 'node:crypto'
import type { CodeOptions } from '../../users/codes.ts'
import type { WorldCore } from '../core.ts'
import type { OfApp, PhoneNumber, User } from '../../users/users.ts'

/** What the client gives away about a user; encrypted under the session_key of the moment. */
export interface EncryptedData {
  readonly encryptedData: string
  readonly iv: string
}

/** Who encrypted the data, and when. */
export interface WatermarkOptions {
  readonly watermark?: {
    /** Default: the world's own; another one is what a server must refuse. */
    readonly appid?: string
    /** Unix time in seconds; default: now. */
    readonly timestamp?: number
  }
}

export interface UserInfo {
  readonly nickName: string
  readonly gender: number
  readonly language: string
  readonly city: string
  readonly province: string
  readonly country: string
  readonly avatarUrl: string
}

export type UserProfileOptions = Partial<UserInfo> & WatermarkOptions & OfApp

/** As wx.getUserProfile answers. */
export interface UserProfile extends EncryptedData {
  readonly openid: string
  readonly userInfo: UserInfo
  /** The very bytes that are signed. */
  readonly rawData: string
  readonly signature: string
}

export interface PhoneNumberOptions extends CodeOptions, WatermarkOptions, OfApp {
  /** Without the country code; default: one drawn for the user. */
  readonly phoneNumber?: string
  /** Default 86. */
  readonly countryCode?: string
}

/** As the event of a button with open-type getPhoneNumber brings it: the code, and the old way. */
export interface PhoneNumberEvent extends EncryptedData {
  readonly openid: string
  /** For getuserphonenumber. */
  readonly code: string
  readonly expiresAt: Date
  readonly phone: PhoneNumber
}

/** What every user is called since 2022-11-08, and looks like. */
const ANONYMOUS: UserInfo = {
  nickName: '微信用户',
  gender: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  avatarUrl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/anonymous/132',
}

/** AES-128-CBC: here the session_key is decoded from base64, while signatures take its text. */
function encrypt(
  { credentials, clock, random, nextReply }: WorldCore,
  { sessionKey, openid }: User,
  data: object,
  { watermark }: WatermarkOptions,
): EncryptedData {
  const iv = random.base64(16, 'iv', openid, nextReply())
  const mark = { timestamp: Math.floor(clock.now().getTime() / 1000), appid: credentials.appid, ...watermark }
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), Buffer.from(iv, 'base64'))
  return {
    encryptedData:
      cipher.update(JSON.stringify({ ...data, watermark: mark }), 'utf8', 'base64') + cipher.final('base64'),
    iv,
  }
}

/** Neither openId nor unionId are in it: who it is, only the code of wx.login says. */
export function userProfile(
  world: WorldCore,
  openid: string,
  { watermark, appid: _app, ...given }: UserProfileOptions = {},
): UserProfile {
  const user = world.users.know(openid)
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
    ...encrypt(world, user, userInfo, { ...(watermark && { watermark }) }),
  }
}

export function phoneNumber(
  world: WorldCore,
  openid: string,
  {
    phoneNumber: number = `1358000${world.random.digits(4, 'phone', openid)}`,
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
  const { code, expiresAt } = world.users.issuePhoneCode(phone, options)
  return {
    openid,
    code,
    expiresAt,
    phone,
    ...encrypt(world, world.users.know(openid), phone, { ...(watermark && { watermark }) }),
  }
}
