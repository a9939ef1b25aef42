-- What came first where the wall clock was put back in between: ticks tell, instants do not.

ALTER TABLE process_image ADD COLUMN
  tick_id INTEGER /* the first tick at which it was so; NULL: a command saw it, or an older galproc stored it */;
ALTER TABLE process_parent ADD COLUMN
  tick_id INTEGER /* the first tick at which it was so; NULL: an older galproc stored it */;
