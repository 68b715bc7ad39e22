/** The engines, from the fastest on a CPU to the slowest; `@lockstep/engine` says what each of them is. */
export const ENGINE_NAMES = ['onednn', 'tensorflow', 'wasm'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** What the options say of them. */
export const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;
export const ENGINE_HELP = 'What runs the tensor maths; auto takes the fastest that is installed and passes its check';
