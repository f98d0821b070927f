import t from 'tap'
import { control, startMock } from '../helpers.ts'
import { plain } from '../pages/visit.ts'
import { startToy } from './toy/server.ts'

t.test('a run over HTTP, and its pages', async (t) => {
  const mock = await startMock(t)
  const toy = await startToy(mock.default, ['no-verify'])
  t.teardown(() => toy.close())
  const { notifyUrl, refundUrl, orderUrl, closeUrl, probeUrl } = toy
  const page = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${mock.url}/__mock/ui/default/${path}`, { redirect: 'manual', ...init })
    return { status: response.status, text: await response.text(), location: response.headers.get('location') }
  }
  const finished = async (id: string): Promise<any> => {
    const { json } = await control(mock, 'GET', `/worlds/default/runs/${id}`)
    if (json.state === 'finished') return json
    await new Promise((resolve) => setTimeout(resolve, 20))
    return finished(id)
  }
  t.match(await page('card'), { status: 200, text: 'No run yet' })
  t.match((await page('card/N-301')).text, /does not match its fields[^]*<a href="https:\/\/pay\.weixin\.qq\.com/)
  t.match((await page('card/N-346')).text, /our judgement[^]*Why this case/)
  t.match(await page('card/N-0'), { status: 404, text: 'there is no case N-0' })

  const body = {
    notifyUrl,
    refundUrl,
    orderUrl,
    closeUrl,
    probeUrl,
    only: ['N-101', 'N-113', 'N-301', 'N-347'],
    settleMs: 200,
  }
  t.match(await control(mock, 'POST', '/worlds/default/runs', body), {
    status: 202,
    json: { id: '1', state: 'running', cases: 4 },
  })
  t.match(await control(mock, 'POST', '/worlds/default/runs', body), { status: 409, json: { code: 'RUN_BUSY' } })
  t.match((await page('card')).text, /of 4 cases/)
  const run = await finished('1')
  t.match(run, {
    done: 4,
    level: 'L2',
    sentence: 'Money-safe: no (1 case)',
    results: [{ id: 'N-101', verdict: 'PASS' }, {}, { id: 'N-301', verdict: 'FAIL' }, { verdict: 'SKIP' }],
  })
  t.match(await control(mock, 'GET', '/worlds/default/runs'), { json: [{ id: '1', state: 'finished' }] })
  t.match((await page('card')).text, /"bad">Money-safe: no \(1 case\)[^]*✕ FAIL[^]*N-301[^]*● PASS[^]*N-101/)
  const skipped = (await page('card?verdict=SKIP')).text
  t.match(skipped, 'N-347')
  t.notMatch(skipped, 'N-301')
  t.match((await page('card/N-301')).text, /the backend accepted it[^]*curl -i -X POST/)
  const zh = { headers: { 'accept-language': 'zh-CN' } }
  t.match(
    (await page('card', zh)).text,
    /资金安全：否（1 项）[^]*长度正确的错误签名[^]*后端接受了；订单被视为已支付（发货一次）[^]*资金/,
  )
  t.match(
    (await page('card/N-301', zh)).text,
    /长度正确的错误签名[^]*后端拒绝签名与字段不符的通知[^]*（安全规范）[^]*订单 \S+，1250 分/,
  )

  const form = {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: mock.url },
    body: new URLSearchParams({
      notifyUrl: 'https://pay.example.com/',
      version: 'v2',
      back: '/__mock/ui/default/card',
    }),
  }
  const refused = await page('do/run', form)
  t.match((await page(`card${new URL(refused.location!, mock.url).search}`)).text, 'neither on this machine')
  form.body.set('notifyUrl', 'http://127.0.0.1:9/')
  // Nothing listens there, so no order can be made: the run ends at once.
  form.body.set('orderUrl', 'http://127.0.0.1:9/')
  t.match(await page('do/run', form), { status: 303 })
  await finished('2')
  t.match((await page('card')).text, /<h2 class="">Money-safe: unknown/)
  // Every field of the form arrives.
  const filled = new URLSearchParams({
    ...{ notifyUrl, refundUrl, orderUrl, closeUrl, probeUrl, version: 'v2', back: '/__mock/ui/default/card' },
    ...{ only: 'N-101, n-301', exclude: 'N-3', quick: 'yes', seed: 'leaf', settleMs: '200' },
  })
  for (const [name, value, told] of [
    ['settleMs', '2 s', 'settleMs: must be whole milliseconds'],
    ['settleMs', '60001', 'at most 60000'],
    ['version', 'v4', 'version: must be one of v2, v3, login'],
    ['only', 'N-999', 'is called N-999'],
  ] as const) {
    const changed = new URLSearchParams([...filled.entries(), [name, value]])
    const { location } = await page('do/run', { ...form, body: changed })
    t.match((await page(`card${new URL(location!, mock.url).search}`)).text, told)
  }
  // On a Chinese page the refusal is in Chinese; the control API says it in English.
  for (const [path, body, refusal] of [
    ['do/run', [...filled.entries(), ['only', 'N-999']], 'only：notify@1 中没有 N-999'],
    ['do/opengate', [['name', 'tea']], '环境 default 没有闸门 tea'],
  ] as const) {
    const { location } = await page(path, {
      ...form,
      body: new URLSearchParams(body.map(([name, value]): [string, string] => [name, value])),
      headers: { ...form.headers, ...zh.headers },
    })
    t.match((await page(`card${new URL(location!, mock.url).search}`, zh)).text, refusal)
  }
  t.match((await page('card/N-0', zh)).text, '没有测试项 N-0')
  t.match(await page('do/run', { ...form, body: filled }), { status: 303 })
  t.strictSame(
    (await finished('3')).results.map(({ id, verdict }: { id: string; verdict: string }) => [id, verdict]),
    [['N-101', 'PASS']],
  )
  const again = async (id: string): Promise<object> => {
    const { text } = await page(`card/${id}`)
    const [, body] = plain(text).match(
      new RegExp(`curl -X POST ${mock.url}/__mock/v1/worlds/default/runs -d '(.*?)' Copy`),
    )!
    return JSON.parse(body!) as object
  }
  t.match(await again('N-301'), { notifyUrl, seed: 'leaf', only: ['N-301'] }, 'the command runs this mock')
  t.strictSame(
    [await again('V-101'), await again('L-101')],
    [
      { version: 'v3', notifyUrl: 'http://127.0.0.1:8080/wechat/notify', only: ['V-101'] },
      { version: 'login', loginUrl: 'http://127.0.0.1:8080/wechat/login', only: ['L-101'] },
    ],
    'another suite than that of the run',
  )
  t.match(await control(mock, 'POST', '/worlds/default/runs', await again('N-101')), { status: 202, json: { id: '4' } })
  t.match(await finished('4'), { cases: 1, results: [{ id: 'N-101', verdict: 'PASS' }] })
  t.match((await page('card')).text, /<h2 class="good">Money-safe: yes/)
  t.match(await control(mock, 'GET', '/worlds/default/runs/9'), { status: 404, json: { code: 'UNKNOWN_RUN' } })
  const wrong: [object, RegExp][] = [
    [{}, /notifyUrl/],
    [{ notifyUrl, shell: 'x' }, /shell/],
  ]
  const other = mock.world()
  for (const [body, message] of wrong) {
    t.match(await control(mock, 'POST', `/worlds/${other.id}/runs`, body), { status: 400, json: { message } })
  }
})

t.test('a run goes only where the mock may send to, and to no foreign host without confirmation', async (t) => {
  const mock = await startMock(t, { notifyHosts: ['127.0.0.1', 'pay.example.com'] })
  const near = 'http://127.0.0.1:9/'
  const all = {
    notifyUrl: near,
    refundUrl: near,
    loginUrl: near,
    orderUrl: near,
    closeUrl: `GET ${near}`,
    probeUrl: near,
  }
  const start = (body: object) => control(mock, 'POST', '/worlds/default/runs', body)
  for (const field of Object.keys(all)) {
    const other = await start({ ...all, [field]: 'http://10.0.0.1/?n={out_trade_no}', ownHost: true })
    t.match(other, { status: 400, json: { message: new RegExp(`${field}.*--allow-notify-host 10.0.0.1`) } }, field)
    const far = await start({ ...all, [field]: 'https://pay.example.com/' })
    t.match(far, { status: 400, json: { message: new RegExp(`${field}.*i-own-this-host`) } }, field)
  }
  t.match(await control(mock, 'GET', '/worlds/default/runs'), { json: [] }, 'nothing has begun')
  const form = { notifyUrl: 'http://10.0.0.1/', version: 'v2', back: '/__mock/ui/default/card' }
  const sent = await fetch(`${mock.url}/__mock/ui/default/do/run`, {
    method: 'POST',
    headers: { origin: mock.url },
    body: new URLSearchParams(form),
  })
  t.match(await sent.text(), '--allow-notify-host 10.0.0.1')
  t.match(await start({ ...all, only: ['N-101'] }), { status: 202 })
})
