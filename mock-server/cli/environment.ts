import { existsSync } from 'node:fs'
import type { Command, Option } from 'commander'

const LOOPBACK = /^(?:localhost|127\..*|\[?::1\]?)$/

export const isLoopback = (host: string) => LOOPBACK.test(host)

/** The marker files that Docker and Podman leave in a container. */
export const inContainer = (files = ['/.dockerenv', '/run/.containerenv']) => files.some((file) => existsSync(file))

/** An empty variable counts as not set: a compose file or a CI cannot leave one out. */
export const fromVariable = (option: Option, name: string): Option =>
  process.env[name] === '' ? option : option.env(name)

const OFF = ['0', 'false', 'no', 'off']

/** A variable that says no leaves the flag unset; commander would take any value as yes. */
export function heedOff(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName()
    if (!option.isBoolean() || command.getOptionValueSource(name) !== 'env') continue
    if (OFF.includes(process.env[option.envVar!]!.toLowerCase())) {
      command.setOptionValueWithSource(name, undefined, 'env')
    }
  }
}
