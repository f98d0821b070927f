export type Bugs = (name: string) => boolean

export class Malformed extends Error {}
export class Refused extends Error {}
