/** `lockstep coordinator`, which no user calls: the process that leads a run, started by `lockstep train`. */
import { LockstepError, toLockstepError } from '@lockstep/config';
import { coordinate } from '../train/coordinate.js';
import { toPortable } from '../supervise/messages.js';
import { giveSignsOfLife } from '../supervise/signs-of-life.js';
import { SupervisorChannel } from '../train/supervisor-channel.js';
import type { CommandBody } from './command-body.js';

export const coordinatorCommand: CommandBody = {
  // The name of the run is for people who look at a list of processes.
  builder: (cli) => cli.option('run', { type: 'string', hidden: true }),
  handler: async () => {
    if (process.send === undefined) {
      throw new LockstepError('usage', 'lockstep coordinator is started by lockstep train', 'see lockstep --help');
    }
    const channel = new SupervisorChannel();
    const stop = giveSignsOfLife();
    try {
      await channel.end({ type: 'ended', summary: await coordinate(channel) });
    } catch (thrown) {
      // Told by the supervisor, once.
      process.exitCode = toLockstepError(thrown).exitCode;
      await channel.end({ type: 'failed', error: toPortable(thrown) });
    } finally {
      stop();
    }
  },
};
