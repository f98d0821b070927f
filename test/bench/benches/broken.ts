import type { Bench } from '../../../bench/lib/measure.ts'

const broken: Bench = async () => {
  throw new Error('the server answered FAIL')
}

export default broken
