// Stands in for xmlbuilder2 (see vite.config.ts). Throwing shows at once if a path ever needs it.
function absent(): never {
  throw new Error('xmlbuilder2 is not part of this build: no XML is written in the browser.');
}

export const create = absent;
export const convert = absent;
export const fragment = absent;
