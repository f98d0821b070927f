#!/usr/bin/env node
import { Command } from 'commander'
import { addServe } from './cli/serve.ts'

const program = new Command('wechat-mock')
  .description('A WeChat to test login and payment against')
addServe(program)
await program.parseAsync()
