import { offer } from '../lib/process.ts'
import { advance, loop, receiver, type Answer } from './contestants.ts'

const [role, answer] = process.argv.slice(2)
if (role === 'receiver') offer(await receiver(answer as Answer))
else offer(role === 'advance' ? await advance() : loop())
