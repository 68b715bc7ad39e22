import { testSeeds } from './seed-suite.js';

testSeeds(1_001, 2_001);
