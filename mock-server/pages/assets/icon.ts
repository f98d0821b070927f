/** A tick in a circle. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><circle cx="10" cy="10" r="9" fill="#07c160"/><path d="M6 10.5l3 3 5.5-6.5" fill="none" stroke="#fff" stroke-width="2"/></svg>\n'
