import { testSeeds } from './seed-suite.js';

testSeeds(1, 1_001);
