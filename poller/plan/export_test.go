package plan

// Nodes returns how many nodes the queues hold, counting or not.
func Nodes(p *Plan) int { return len(p.fresh.nodes) + len(p.known.nodes) + len(p.refused.nodes) }
