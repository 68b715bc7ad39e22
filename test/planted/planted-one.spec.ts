import { testPlantedBugs } from './planted-suite.js';

testPlantedBugs(0);
