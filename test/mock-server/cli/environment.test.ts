import { Command, Option } from 'commander'
import t from 'tap'
import { heedOff, inContainer, isLoopback, shellLines } from '../../../mock-server/cli/environment.ts'

t.test('the lines of a shell', async (t) => {
  t.equal(
    shellLines({ WECHAT_BASE_URL: 'http://127.0.0.1:8090', WECHAT_APPID: 'wx1' }),
    'WECHAT_BASE_URL=http://127.0.0.1:8090\nWECHAT_APPID=wx1\n',
  )
})

t.test('which addresses nobody else reaches', async (t) => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'wechat-mock', 'localhost.example']) {
    t.notOk(isLoopback(host), host)
  }
})

t.test('a container leaves a file', async (t) => {
  t.equal(inContainer([`${t.testdir({ mark: '' })}/mark`]), true)
  t.equal(inContainer(['/no/such/file']), false)
  t.type(inContainer(), 'boolean')
})

t.test('a variable can say no to a flag', async (t) => {
  const read = (strict: string, args: string[] = []) => {
    process.env.HEED_STRICT = strict
    process.env.HEED_NAME = '0'
    const command = new Command()
      .addOption(new Option('--strict').env('HEED_STRICT'))
      .addOption(new Option('--name <name>').env('HEED_NAME'))
      .addOption(new Option('--other'))
      .parse(args, { from: 'user' })
    heedOff(command)
    return command.opts<{ strict?: boolean; name: string }>()
  }
  t.teardown(() => {
    delete process.env.HEED_STRICT
    delete process.env.HEED_NAME
  })
  for (const word of ['1', 'true', 'yes', 'on']) t.same(read(word), { strict: true, name: '0' }, word)
  for (const word of ['', '0', 'false', 'FALSE', 'no', 'off']) t.equal(read(word).strict, undefined, word)
  t.equal(read('0', ['--strict']).strict, true, 'the flag wins')
})
