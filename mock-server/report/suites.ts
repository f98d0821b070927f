import type { Case, Suite } from './case.ts'
import { LOGIN } from './login/index.ts'
import { NOTIFY_V2 } from './notify-v2/index.ts'
import { NOTIFY_V3 } from './notify-v3/index.ts'

export const SUITES: readonly Suite[] = [NOTIFY_V2, NOTIFY_V3, LOGIN]

export const casesOf = ({ chapters }: Suite): Case[] => chapters.flatMap(({ cases }) => cases)
