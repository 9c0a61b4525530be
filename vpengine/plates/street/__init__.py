"""The street plate, in parts: layout > parts, facades, props > mesh > visible; surface textures; light; plate."""
