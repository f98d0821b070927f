// Runs or parses the code of the documents that is not JavaScript, with the tools that are installed. The blocks for --verify-cmd are run by
// test/mock-server/report/snippets.test.ts. The SDKs of Java, Go and PHP are not on npm: what needs one is parsed, or runs with a stand-in.
import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { freePort } from '../fixtures.ts'
import { runs, skippedWithout } from '../languages.ts'
import { startMock } from '../mock-server/helpers.ts'
import { order } from '../mock-server/v3.ts'
import { runVitest } from '../vitest.ts'

t.setTimeout(300_000)

const ROOT = new URL('../..', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const READMES = ['mock-server/README.md', 'mock-server/README.zh-CN.md']
const DOCUMENTS = [
  'README.md',
  'README.zh-CN.md',
  ...READMES,
  ...readdirSync(new URL('docs', ROOT)).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
]
const run = promisify(execFile)

function blocksOf(path: string, language: string): string[] {
  return [...read(path).matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, name, code]) =>
    name === language ? [code!] : [],
  )
}

/** The two screens of a language: API v2 and API v3. Its third block is a --verify-cmd. */
function screensOf(path: string, language: string): [v2: string, v3: string] {
  const [v2, v3, ...others] = blocksOf(path, language).filter((code) => !code.includes('--verify-cmd'))
  if (v2 === undefined || v3 === undefined || others.length > 0) {
    throw new Error(`${path}: ${language} has other blocks`)
  }
  return [v2, v3]
}

const startDocumented = (test: Test) =>
  startMock(test, { world: { seed: 'docs', startTime: new Date(), signTime: 'real' } })
const at = (code: string, url: string) => code.replaceAll('127.0.0.1:8090', new URL(url).host)

const JAVA_PARSER = `
import com.sun.source.util.JavacTask;
import java.nio.file.Path;
import java.util.List;
import javax.tools.*;

class Parser {
  public static void main(String[] paths) throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> faults = new DiagnosticCollector<>();
    StandardJavaFileManager files = compiler.getStandardFileManager(faults, null, null);
    JavacTask task = (JavacTask) compiler.getTask(null, files, faults, List.of(), null, files.getJavaFileObjects(paths));
    int units = 0;
    for (Object unit : task.parse()) units++;
    for (Object fault : faults.getDiagnostics()) System.out.println(fault);
    System.out.println(units + " parsed");
  }
}
`

/** wechatpay-php, as far as the screen uses it. */
const PHP_SDK = `<?php
namespace WeChatPay { class Builder { static function factory($config) {} }
  class Formatter { static function response($time, $nonce, $body) { return "$time\\n$nonce\\n$body\\n"; } } }
namespace WeChatPay\\Crypto { class Rsa { const KEY_TYPE_PUBLIC = 'public';
    static function from($pem, $type = 'private') {
      $key = $type === 'public' ? openssl_pkey_get_public($pem) : openssl_pkey_get_private($pem);
      return $key ?: throw new \\Exception("not a $type key");
    }
    static function verify($text, $signature, $key) { return openssl_verify($text, base64_decode($signature), $key, 'sha256') === 1; } }
  class AesGcm { static function decrypt($text, $key, $nonce, $data) {
    $bytes = base64_decode($text);
    return openssl_decrypt(substr($bytes, 0, -16), 'aes-256-gcm', $key, OPENSSL_RAW_DATA, $nonce, substr($bytes, -16), $data);
  } } }
`

for (const path of READMES) {
  t.test(
    `Java of ${path}: parsed, not compiled, as the SDKs are not here`,
    { skip: skippedWithout('Java', runs('javac', '--version')) },
    async (t) => {
      const classOf = (name: string, code: string) => `class ${name} { void run() throws Exception {\n${code}\n} }`
      const [v2, v3] = screensOf(path, 'java')
      const dir = t.testdir({
        'Parser.java': JAVA_PARSER,
        'V2.java': classOf('V2', v2),
        'V3.java': classOf('V3', v3),
        'Broken.java': classOf('Broken', v2.replace(';', '')),
      })
      const parsed = async (...files: string[]) => (await run('java', ['Parser.java', ...files], { cwd: dir })).stdout
      t.equal(await parsed('V2.java', 'V3.java'), '2 parsed\n')
      t.match(await parsed('Broken.java'), "';' expected", 'a fault would be found')
    },
  )

  t.test(
    `Go of ${path}: parsed, and run as far as it needs no SDK`,
    { skip: skippedWithout('Go', runs('go', 'version')) },
    async (t) => {
      const mock = await startDocumented(t)
      const [v2, v3] = screensOf(path, 'go')
      const [, declarations, own, sdk] = /^([^]*?\n)(?=var )([^]*?Decode\(.*\n)([^]*)$/.exec(v3)!
      const file = (statements: string, imports = '') =>
        `package main\n${imports}\n${declarations}\nfunc main() {\n${statements}\n}\n`
      const imports = 'import ("encoding/json"; "fmt"; "net/http")'
      const print = `answer, _ := (&http.Client{Transport: toMock{}}).Get("https://api.mch.weixin.qq.com/v3/certificates")
        text, _ := json.Marshal(world)
        fmt.Println(answer.StatusCode, string(text))`
      const dir = t.testdir({
        'v2.go': file(v2),
        'v3.go': file(own! + sdk!),
        'main.go': at(file(own! + print, imports), mock.url),
      })
      await run('gofmt', ['-e', 'v2.go', 'v3.go'], { cwd: dir })
      const { stdout } = await run('go', ['run', 'main.go'], { cwd: dir, env: { ...process.env, GO111MODULE: 'off' } })
      const [status, json] = stdout.split(/ (.*)/)
      t.equal(status, '400', 'the transport has redirected a call, which is not signed')
      const { Appid, MchId, V3 } = JSON.parse(json!)
      const { appid, mchId } = mock.default.credentials
      t.strictSame([Appid, MchId], [appid, mchId])
      t.strictSame(
        Object.values(V3).filter((value) => value === ''),
        [],
        'Go has found every key',
      )
    },
  )

  t.test(
    `PHP of ${path}: run, with a stand-in for the SDK`,
    { skip: skippedWithout('PHP', runs('php', '--version')) },
    async (t) => {
      const mock = await startDocumented(t)
      const world = mock.default
      const [v2, v3] = screensOf(path, 'php')
      const dir = t.testdir({
        'v2.php': `<?php echo json_encode([\n${v2}\n]);`,
        'sdk.php': PHP_SDK,
        'notify.php': `<?php require 'sdk.php';\n${at(v3, mock.url)}\nfile_put_contents('paid.json', json_encode($paid));\n`,
      })
      const { appid, appSecret, mchId, apiKey } = world.credentials
      t.match(JSON.parse((await run('php', ['v2.php'], { cwd: dir })).stdout), {
        app_id: appid,
        secret: appSecret,
        mch_id: mchId,
        v2_secret_key: apiKey,
      })

      const address = `127.0.0.1:${await freePort()}`
      const server = spawn('php', ['-S', address, 'notify.php'], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
      t.teardown(() => server.kill())
      for await (const line of createInterface(server.stderr)) if (line.includes('started')) break
      server.stderr.resume()
      await order(world, `http://${address}/`)
      t.match(await world.pay('tea-0001'), { delivery: { verdict: 'acked' } })
      t.match(JSON.parse(readFileSync(`${dir}/paid.json`, 'utf8')), { mchid: mchId, trade_state: 'SUCCESS' })
      const forged = await fetch(`http://${address}/`, {
        method: 'POST',
        body: '{}',
        headers: {
          'wechatpay-timestamp': String(Math.floor(Date.now() / 1000)),
          'wechatpay-nonce': 'n',
          'wechatpay-signature': 'c2lnbmF0dXJl',
        },
      })
      t.equal(forged.status, 401, 'a forgery')
    },
  )

  t.test(`jest of ${path}: run by vitest, whose globals are those of jest`, async (t) => {
    const code = blocksOf(path, 'js').find((code) => code.includes('require('))!
    const url = new URL('mock-server/index.ts', ROOT)
    const dir = t.testdir({
      'jest.test.js': code.replace(/^const (.*) = require\(.*\)$/m, `import $1 from ${JSON.stringify(url)}`),
    })
    t.match(await runVitest('--globals', '--dir', dir, `${dir}/jest.test.js`), /^ok 1 .*a code works once/m)
  })

  t.test(`docker compose of ${path}`, async (t) => {
    const [compose] = blocksOf(path, 'yaml') as [string]
    const { services } = parse(compose)
    t.strictSame(Object.keys(services), ['wechat-mock', 'app'])
    t.strictSame(services['wechat-mock'].ports, ['127.0.0.1:8090:8090'])
    t.strictSame(services.app.depends_on, { 'wechat-mock': { condition: 'service_healthy' } })
    for (const { environment } of Object.values<any>(services)) {
      for (const [name, value] of Object.entries(environment)) t.type(value, 'string', name)
    }
  })
}

t.test('YAML and JSON of all documents: parsed', async (t) => {
  let count = 0
  for (const path of DOCUMENTS) {
    for (const code of blocksOf(path, 'yaml')) {
      t.type(parse(code), Object, path)
      count++
    }
    for (const line of blocksOf(path, 'json').flatMap((code) => code.trim().split('\n'))) {
      t.type(JSON.parse(line), Object, path)
      count++
    }
  }
  t.ok(count >= 8, `${count} texts`)
})

t.test('a block of another language needs a test first', async (t) => {
  const KNOWN = ['go', 'html', 'java', 'js', 'json', 'php', 'python', 'sh', 'sql', 'text', 'ts', 'yaml']
  for (const path of DOCUMENTS) {
    const languages = [...read(path).matchAll(/^```(\S+)$/gm)].map(([, language]) => language!)
    t.strictSame(
      languages.filter((language) => !KNOWN.includes(language)),
      [],
      path,
    )
  }
})
