import { describeParity } from './suite.js';

await describeParity('onednn');
