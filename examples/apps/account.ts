import type { WechatPayOptions } from '../../src/index.ts'

/** What the environment of an app says; in tests, what the mock says. */
export type Account = Pick<WechatPayOptions, 'appid' | 'appSecret' | 'merchant' | 'publicUrl' | 'baseUrl' | 'now'>
