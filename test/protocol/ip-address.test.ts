import t from 'tap'
import { isPrivateAddress, readIpAddress } from '../../src/protocol/ip-address.ts'

t.test('one form for each address', async (t) => {
  const cases: [value: string, address: string][] = [
    ['203.0.113.7', '203.0.113.7'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::1', '::1'],
    ['2001:db8::203.0.113.7', '2001:db8::cb00:7107'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['::ffff:0.0.0.1', '0.0.0.1'],
    ['::ffff:203.0.113.7%eth0', '203.0.113.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25en0', 'fe80::1'],
    ['::ffff:0:203.0.113.7', '::ffff:0:cb00:7107'],
    ['64:ff9b::203.0.113.7', '64:ff9b::cb00:7107'],
  ]
  for (const [value, address] of cases) t.equal(readIpAddress(value), address, value)
})

t.test('texts that are not addresses', async (t) => {
  const values: unknown[] = [
    '',
    '999.999.999.999',
    '256.1.1.1',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4:5678',
    '1.2.3.4%eth0',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '218.17.1.1,218.93.204.51',
    '[::1]',
    ':::1',
    '::1::',
    '12345::',
    '::%',
    '::ffff:999.0.0.1',
    'unknown',
    'localhost',
    '１.2.3.4',
    ':'.repeat(65),
    undefined,
    null,
    2130706433,
    ['1.2.3.4'],
  ]
  for (const value of values) t.equal(readIpAddress(value), undefined, String(value))
})

t.test('addresses that cannot be reached from outside', async (t) => {
  const inner = ['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.255.255', '192.168.0.1']
  for (const address of [...inner, '::', '::1', 'fd00::1', 'fe80::1', '::ffff:10.1.2.3']) {
    t.equal(isPrivateAddress(address), true, address)
  }
  for (const address of ['203.0.113.7', '100.128.0.1', '172.32.0.0', '2001:db8::1', '::ffff:203.0.113.7']) {
    t.equal(isPrivateAddress(address), false, address)
  }
})
