import t from 'tap'
import { createRandom } from '../../mock-server/random.ts'

t.test('the same seed and path give the same value, in whatever order they are drawn', async (t) => {
  const one = createRandom('42')
  const two = createRandom('42')
  const first = one.hex(26, 'prepay_id', 'tea-1')
  two.hex(26, 'prepay_id', 'tea-2')
  t.equal(two.hex(26, 'prepay_id', 'tea-1'), first)
  t.not(one.hex(26, 'prepay_id', 'tea-2'), first)
  t.not(createRandom('43').hex(26, 'prepay_id', 'tea-1'), first)
})

t.test('a path is not the sum of its letters', async (t) => {
  const random = createRandom('42')
  t.not(random.hex(8, 'ab', 'c'), random.hex(8, 'a', 'bc'))
  t.not(random.hex(8, 1), random.hex(8, '1'))
})

t.test('alphabets', async (t) => {
  const random = createRandom('42')
  t.match(random.hex(32, 'x'), /^[0-9a-f]{32}$/)
  t.match(random.digits(10, 'x'), /^\d{10}$/)
  t.match(random.alphanumeric(32, 'x'), /^[0-9A-Za-z]{32}$/)
  t.match(random.urlSafe(27, 'x'), /^[\w-]{27}$/)
  t.equal(Buffer.from(random.base64(16, 'x'), 'base64').length, 16)
  const flips = Array.from({ length: 200 }, (_, n) => random.flip(n)).filter(Boolean).length
  t.ok(flips > 60 && flips < 140, `${flips} of 200 flips`)
})
