import t from 'tap'
import { NotificationError } from '../../src/client/pay.ts'
import { WechatError } from '../../src/errors.ts'

t.test('a rejected notification has a reason, for logs and counters', async (t) => {
  const error = new NotificationError('bad-signature', 'The signature of the notification is not ours.')
  t.ok(error instanceof WechatError)
  t.match(error, {
    name: 'NotificationError',
    code: 'WECHAT_NOTIFICATION_INVALID',
    statusCode: 400,
    advice: 'stop',
    fault: 'bad-signature',
    message: 'The signature of the notification is not ours.',
  })
})
