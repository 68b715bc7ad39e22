/** What of WebAssembly the core libraries use; TypeScript declares it only with the DOM. */
declare namespace WebAssembly {
  class Module {
    /** Compiles at once. */
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }

  class Memory {
    /** Sizes in pages of 64 KiB. */
    constructor(size: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }

  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
    readonly exports: unknown;
  }
}
