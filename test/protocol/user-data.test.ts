import { createCipheriv } from 'node:crypto'
import t from 'tap'
import { decryptUserData, isUserData, seal, signSession, unseal } from '../../src/protocol/user-data.ts'
import { vectors } from '../fixtures.ts'

type Vector = Record<string, string> & { name: string }
const { decrypt, decryptMustFail, userSignature, userSignatureMustFail, sessionHmac } =
  vectors<Record<string, Vector[]>>('login')

const read = ({ encryptedData, iv, session_key: key, appid }: Vector) =>
  decryptUserData({ encryptedData: encryptedData!, iv: iv! }, key!, appid!)

t.test('the encrypted data of the vectors', async (t) => {
  for (const vector of decrypt!) {
    t.match(read(vector), { watermark: { appid: vector.appid } }, vector.name)
  }
})

t.test('a stale key, a foreign app and damaged data each have their own error', async (t) => {
  const codes: Record<string, string> = {
    watermark: 'WECHAT_DATA_FOREIGN',
    input: 'WECHAT_INPUT_INVALID',
  }
  for (const vector of decryptMustFail!) {
    const code = codes[vector.stage!] ?? 'WECHAT_SESSION_KEY_STALE'
    t.throws(() => read(vector), { code }, `${vector.name} (${vector.stage})`)
  }
  const [good] = decrypt as [Vector]
  for (const text of ['null', '7']) {
    const cipher = createCipheriv(
      'aes-128-cbc',
      Buffer.from(good.session_key!, 'base64'),
      Buffer.from(good.iv!, 'base64'),
    )
    const encryptedData = cipher.update(text, 'utf8', 'base64') + cipher.final('base64')
    t.throws(() => read({ ...good, encryptedData }), { code: 'WECHAT_SESSION_KEY_STALE' }, text)
  }
  t.throws(() => read({ ...good, session_key: 'short' }), { code: 'WECHAT_INPUT_INVALID' })
  t.throws(() => read({ ...good, iv: 'AAAA' }), { code: 'WECHAT_INPUT_INVALID' })
  t.throws(() => read({ ...good, encryptedData: '' }), { code: 'WECHAT_INPUT_INVALID' })
})

t.test('the signature of rawData covers the text exactly as received', async (t) => {
  for (const { rawData, signature, session_key: key, name } of userSignature!) {
    t.ok(isUserData(rawData!, signature!, key!), name)
  }
  for (const { rawData, signature, session_key: key, name } of userSignatureMustFail!) {
    t.notOk(isUserData(rawData!, signature!, key!), name)
  }
  t.notOk(isUserData('{}', 'short', 'key'))
})

t.test('the proof of a session key', async (t) => {
  for (const { message, signature, session_key: key, name } of sessionHmac!) {
    if (message === '') t.equal(signSession(key!), signature, name)
  }
})

t.test('a sealed value can be opened only with its secret and for its purpose', async (t) => {
  const sealed = seal('{"茶":1}', 'secret', 'token', '0123456789abcdef01234567')
  t.notMatch(sealed, /茶/)
  t.equal(unseal(sealed, 'secret', 'token'), '{"茶":1}')
  for (const [text, secret, purpose] of [
    [sealed, 'other', 'token'],
    [sealed, 'secret', 'other'],
    [`${sealed.slice(0, -4)}AAAA`, 'secret', 'token'],
    ['', 'secret', 'token'],
    ['x.y', 'secret', 'token'],
  ] as const) {
    t.equal(unseal(text, secret, purpose), undefined)
  }
})
