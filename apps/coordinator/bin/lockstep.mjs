#!/usr/bin/env node
/** The `lockstep` command, from what `npm start` or `npm run build` compiled. */
import '../dist/main.js';
