import { deepStrictEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import * as mockSign from '../../mock-server/wire/sign-v2.ts'
import * as mockTime from '../../mock-server/wire/time.ts'
import * as mockWire from '../../mock-server/wire/xml.ts'
import { WechatError } from '../../src/errors.ts'
import { signV2, verifyV2 } from '../../src/protocol/sign-v2.ts'
import { formatTime, parseTime } from '../../src/protocol/time.ts'
import { readXml, writeXml } from '../../src/protocol/xml.ts'
import { damagedDocument, document, message } from './messages.ts'

// The plugin and the mock share no code and use different techniques. If they agree on everything that can be generated, an end-to-end test
// between them shows more than that a program agrees with itself.

const KEY = '192006250b4c09247ec02edce69f6a2d'
const signType = fc.constantFrom('MD5' as const, 'HMAC-SHA256' as const)
const signable = message.filter((entries) => entries.some(([name, value]) => name !== 'sign' && value !== ''))
const numRuns = 1000

t.test('both sign alike, in any order of fields', async () => {
  fc.assert(
    fc.property(signable, signType, (entries, signType) => {
      const sign = mockSign.signV2(entries, KEY, signType)
      equal(signV2(new Map(entries), KEY, signType), sign)
      equal(signV2(new Map(entries.toReversed()), KEY, signType), sign)
      equal(verifyV2(new Map([...entries, ['sign', sign]]), KEY, signType), true)
    }),
    { numRuns },
  )
})

t.test('names sort alike', async () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,3}$/)
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1 }), (names) => {
      const entries = names.map((name): [string, string] => [name, '1'])
      equal(signV2(new Map(entries), KEY, 'MD5'), mockSign.signV2(entries, KEY, 'MD5'))
    }),
    { numRuns },
  )
})

t.test('the mock reads what the plugin writes', async () => {
  fc.assert(
    fc.property(message, (entries) => {
      deepStrictEqual([...mockWire.readXml(writeXml(entries))], entries)
    }),
    { numRuns },
  )
})

t.test('the plugin reads what the mock writes', async () => {
  fc.assert(
    fc.property(message, fc.constantFrom('', '\n'), (entries, separator) => {
      deepStrictEqual([...readXml(mockWire.writeXml(entries, separator))], entries)
    }),
    { numRuns },
  )
})

t.test('both read any document alike', async () => {
  fc.assert(
    fc.property(document, ({ text, entries }) => {
      deepStrictEqual([...readXml(text)], entries)
      deepStrictEqual([...mockWire.readXml(text)], entries)
    }),
    { numRuns },
  )
})

t.test('a damaged document that the plugin accepts, the mock reads the same', async (t) => {
  let accepted = 0
  fc.assert(
    fc.property(damagedDocument, (text) => {
      let fields: Map<string, string>
      try {
        fields = readXml(text)
      } catch (error) {
        equal((error as WechatError).code, 'WECHAT_XML_INVALID')
        return
      }
      accepted += 1
      deepStrictEqual([...mockWire.readXml(text)], [...fields])
    }),
    { numRuns: 5000 },
  )
  t.ok(accepted > 100, `${accepted} accepted`)
})

t.test('both convert Beijing time alike', async () => {
  const moment = fc.date({
    min: new Date('2000-01-01T00:00:00Z'),
    max: new Date('2099-12-31T00:00:00Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(moment, (date) => {
      const text = mockTime.wechatTime(date)
      equal(formatTime(date), text)
      deepStrictEqual(parseTime(text), mockTime.parseWechatTime(text))
      deepStrictEqual(parseTime(mockTime.wechatDateTime(date)), parseTime(text))
    }),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^20\d\d[01]\d[0-3]\d[0-2]\d[0-6]\d[0-6]\d$/), (text) => {
      deepStrictEqual(parseTime(text), mockTime.parseWechatTime(text))
    }),
    { numRuns },
  )
})
