import { sealField } from '../../wire/aead-v3.ts'
import { namedKey, openSecret, required, string } from './fields.ts'
import { envelope } from './notifications.ts'
import type { V3Endpoint } from './receive.ts'
import { NOTIFY_URL } from './transactions.ts'

/** Between the sends of its notification. */
const GAPS_MS = [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600].map((seconds) => seconds * 1000)

/** POST echo (4014551946): the merchant tests its keys, and where notifications go. It must name WeChat's key. */
export const echo: V3Endpoint = {
  api: 'echo',
  method: 'POST',
  path: '/v3/security/echo',
  body: {
    echo_message: string('回显消息', 1024, required),
    encrypted_echo_message: string('加密回显消息', 1024),
    notify_url: string('回调地址', 255, { pattern: NOTIFY_URL }),
  },
  handle: (request) => {
    const { world, account, body } = request
    const { echo_message: message, notify_url: url } = body
    namedKey(request)
    const encrypted = body.encrypted_echo_message !== undefined && {
      encrypted_echo_message: sealField(
        openSecret(request, 'encrypted_echo_message', '加密回显消息'),
        account.keys.merchantCertificate().key.publicKey,
      ),
    }
    if (url !== undefined) {
      const number = world.nextReply()
      const event = {
        eventType: 'SECURITY_ECHO.SUCCESS',
        summary: '回显成功',
        originalType: 'security',
        resource: { mchid: account.mchId, echo_message: message },
      }
      const entry = world.notifier.create('', url, envelope(event, account, world.behaviour, ['echo', number]), {
        version: 'v3',
        kind: 'event',
        mchId: account.mchId,
        name: `echo-${number}`,
        gaps: GAPS_MS,
      })
      world.notifier.start(entry, false)
    }
    return { echo_message: message, ...encrypted }
  },
}
