import t from 'tap'
import { checkNotifyUrl, isNotifyUrl } from '../../mock-server/notify-url.ts'

t.test('what a notification can be sent to', async (t) => {
  for (const url of ['https://shop.example.com/notify', 'http://127.0.0.1:3000/', 'http://[::1]:80/a/b']) {
    t.ok(isNotifyUrl(url), url)
    checkNotifyUrl('notifyUrl', url)
  }
  for (const url of [
    '',
    '/notify',
    'shop.example.com/notify',
    'ftp://shop.example.com/notify',
    'https://shop.example.com',
    'https://shop.example.com/notify?a=1',
    'https://shop.example.com/notify#a',
    'http://:80/notify',
  ]) {
    t.notOk(isNotifyUrl(url), url)
    t.throws(
      () => checkNotifyUrl('notifyUrl', url),
      { code: 'BAD_INPUT', message: /^notifyUrl: must be an absolute http\(s\) URL/, details: { field: 'notifyUrl' } },
      url,
    )
  }
})
