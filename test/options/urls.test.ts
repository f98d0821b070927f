import t from 'tap'
import { isLoopback, isOrigin, isProxy, isPublicUrl } from '../../src/options/urls.ts'

t.test('which hosts are this machine', async (t) => {
  for (const [url, loopback] of [
    ['http://localhost:3000', true],
    ['http://127.0.0.1', true],
    ['http://127.8.8.8:80', true],
    ['http://[::1]:3000', true],
    ['http://127.0.0.1.example.com', false],
    ['http://localhost.example.com', false],
    ['http://10.0.0.1', false],
    ['http://wechat:8090', false],
    ['http://[::ffff:127.0.0.1]', false],
  ] as const) {
    t.equal(isLoopback(new URL(url).hostname), loopback, url)
  }
})

t.test('a proxy is an origin, with credentials or without', async (t) => {
  for (const [url, proxy] of [
    ['http://proxy.example.com:3128', true],
    ['http://proxy.example.com:3128/', true],
    ['https://proxy.example.com', true],
    ['http://shop:p%3Aa%2Fss@10.0.0.1:3128', true],
    ['http://shop@[2001:db8::1]:3128', true],
    ['http://shop:%zz@proxy:3128', false],
    ['proxy.example.com:3128', false],
    ['proxy.example.com', false],
    ['socks5://127.0.0.1:1080', false],
    ['http://', false],
    ['http://proxy:3128/path', false],
    ['http://proxy:3128/?a=1', false],
    ['http://proxy:3128/#a', false],
    ['', false],
    [new URL('http://proxy:3128'), false],
    [true, false],
    [null, false],
  ] as const) {
    t.equal(isProxy(url), proxy, String(url))
  }
})

t.test('valid URLs for us and for WeChat', async (t) => {
  for (const [url, publicUrl, origin] of [
    ['https://shop.example.com', true, true],
    ['https://shop.example.com/a', true, false],
    ['http://127.0.0.1:8090', true, true],
    ['http://wechat:8090', false, true],
    ['https://shop@example.com', false, false],
  ] as const) {
    t.strictSame([isPublicUrl(url), isOrigin(url)], [publicUrl, origin], url)
  }
})
