import { Command, CommanderError, Option } from 'commander'
import { address } from './arguments.ts'
import { VERSION } from '../version.ts'
import { addCard } from './card.ts'
import { CommandError } from './client.ts'
import { addCommands, type Output } from './commands.ts'
import { addDoctor } from './doctor.ts'
import { heedOff } from './environment.ts'
import { addOrder } from './order.ts'
import { addServe } from './serve.ts'

const standard: Output = {
  out: (text) => {
    process.stdout.write(text)
  },
  err: (text) => {
    process.stderr.write(text)
  },
}

/** The command line. Resolves with the exit code; `serve` does as soon as the mock answers. */
export async function run(args: readonly string[], output: Output = standard): Promise<number> {
  const program = new Command('wechat-mock')
    .description('A WeChat to test login and payment against')
    .version(VERSION)
    // `card run --version v3` names a suite.
    .enablePositionalOptions()
    // It may stand before the command, too.
    .addOption(new Option('--url <url>', 'where the mock is, for the commands').argParser(address).hideHelp())
    .hook('preAction', (program, command) => {
      heedOff(command)
      const { url } = program.opts<{ url?: URL }>()
      if (url === undefined) return
      if (command.name() === 'serve') {
        command.error('error: --url belongs to a command for a running mock, such as: wechat-mock pay --url …')
      }
      command.setOptionValueWithSource('url', url, 'cli')
    })
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err })
  addServe(program, output)
  addOrder(program, output)
  addCommands(program, output)
  addDoctor(program, output)
  let code = 0
  addCard(program, output, (ended) => {
    code = ended
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // Commander has already printed its own errors.
    if (error instanceof CommanderError) return error.exitCode
    if (!(error instanceof CommandError)) throw error
    output.err(`${error.message}\n`)
    return 1
  }
}
