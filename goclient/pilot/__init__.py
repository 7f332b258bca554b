"""PanDA's side of a job on a worker node: take it, have it carried out, report its end."""
